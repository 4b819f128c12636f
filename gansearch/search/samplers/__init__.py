"""Samplers, which propose the configurations of trials."""
