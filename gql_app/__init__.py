"""The process: everything is put together here and nowhere else."""
