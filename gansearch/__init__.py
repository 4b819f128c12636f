"""Distributed hyperparameter search for GANs: several objectives and early stopping together."""
