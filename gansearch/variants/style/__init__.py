"""Style-based generators."""
