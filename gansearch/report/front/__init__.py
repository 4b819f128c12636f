"""The Pareto front of a study: replicates, noise, ranking and selection."""
