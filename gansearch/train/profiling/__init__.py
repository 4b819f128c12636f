"""Time and memory of a training step, by section and by block."""
