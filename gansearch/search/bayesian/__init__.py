"""Multi-objective Bayesian optimisation with surrogates of learning curves and costs."""
