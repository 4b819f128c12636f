"""Images: what a batch is, where data sets come from, how they are fed."""
