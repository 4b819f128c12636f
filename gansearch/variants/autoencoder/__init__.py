"""Autoencoders, the baseline for GANs."""
