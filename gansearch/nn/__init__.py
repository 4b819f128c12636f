"""Layers: the only place that builds them."""
