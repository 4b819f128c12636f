"""Measurements of the machine: time, memory, speed, and the locks of shared devices."""
