"""One trainer for every variant: rounds, moving average, checkpoints, runs."""
