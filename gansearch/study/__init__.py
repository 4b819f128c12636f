"""A study from its start to its end: run, resume, rescoring, observers."""
