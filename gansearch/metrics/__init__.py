"""Metrics of a trial: quality of its samples, cost of its training."""
