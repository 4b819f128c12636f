"""GANs that are conditioned on class labels."""
