"""Autoencoders, the baseline that GANs are compared with."""
