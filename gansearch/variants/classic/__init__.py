"""The first GANs: gan, dcgan, fgan and sgan."""
