"""The GAN variants: one contract, one catalog, one module a variant."""
