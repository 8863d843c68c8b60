"""The verbs: what Roster does, one module per noun, one async function per verb."""
