"""The trainer of all variants: rounds, moving average, checkpoints, runs."""
