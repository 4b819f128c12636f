"""Simulated studies: real decisions about simulated trainings."""
