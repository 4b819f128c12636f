"""What a trial is measured by: quality of its samples, cost of its training."""
