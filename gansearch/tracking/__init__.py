"""Studies in MLflow: an experiment per space, a parent run per study, a child run per trial."""

from gansearch.tracking.mirror import MlflowMirror, sync
from gansearch.tracking.pages import read_config, serve_ui

__all__ = ["MlflowMirror", "read_config", "serve_ui", "sync"]
