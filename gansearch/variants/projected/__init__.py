"""Projected GAN and its forms with depthwise-separable convolutions."""
