"""What configurations come to, as beliefs: Bayesian optimisation over curves and costs."""
