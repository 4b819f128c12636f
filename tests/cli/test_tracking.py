"""The commands ``sync`` and ``ui``."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


def test_sync_writes_every_trial_to_mlflow(gansearch: Call, trained: Path, tmp_path: Path) -> None:
    results = shutil.copytree(trained, tmp_path / "results")
    answer = gansearch("sync", "s", "--results", results)
    answer.check_completed()
    assert answer.out == "s: 2 trials are in MLflow\n"
    assert (results / "mlflow.db").exists()


def test_ui_serves_the_results_folder(
    gansearch: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    served: list[tuple[Path, int]] = []
    monkeypatch.setattr(
        "gansearch.tracking.serve_ui", lambda results, *, port: served.append((results, port))
    )
    gansearch("ui", "--results", tmp_path, "--port", 5001).check_completed()
    assert served == [(tmp_path, 5001)]


def test_ui_without_a_database_is_refused(gansearch: Call, tmp_path: Path) -> None:
    gansearch("ui", "--results", tmp_path).check_refused("has no MLflow database")
