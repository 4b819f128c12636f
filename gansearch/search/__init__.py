"""Samplers, stopping rules, and the durable record of a study."""
