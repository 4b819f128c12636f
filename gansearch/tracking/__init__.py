"""Studies in MLflow: one experiment a space, a parent run a study, a child run a trial."""

from gansearch.tracking.mirror import MlflowMirror, default_location, sync

__all__ = ["MlflowMirror", "default_location", "sync"]
