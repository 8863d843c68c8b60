"""What things are: records, inputs, lifecycle, rights, refusals. Pure, no I/O."""
