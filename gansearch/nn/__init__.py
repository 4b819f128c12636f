"""Layers and networks that variants are built of."""
