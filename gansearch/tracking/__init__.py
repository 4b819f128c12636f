"""Studies in MLflow: one experiment a space, a parent run a study, a child run a trial."""

from gansearch.tracking.mirror import MlflowMirror, sync
from gansearch.tracking.pages import read_config, serve

__all__ = ["MlflowMirror", "read_config", "serve", "sync"]
