"""Projected GAN, and Faster Projected GAN with depthwise-separable convolutions."""
