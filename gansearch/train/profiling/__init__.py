"""Time and memory of a training step, by phase and by block."""
