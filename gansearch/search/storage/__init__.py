"""The durable record of studies, and the checkpoints of their trials."""
