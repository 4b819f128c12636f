"""The first GANs."""
