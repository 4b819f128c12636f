"""Execution of trials: Ray Tune, its workers, and their shares of GPUs and cores."""
