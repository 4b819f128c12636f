"""Trials as they run: Ray Tune, its workers, the GPUs and cores that they share."""
