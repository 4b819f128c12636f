"""Stopping rules, which end trials early."""
