"""GAN variants: a contract, a catalog, and a folder for each family."""
