"""Runs of one study in MLflow: found, created and updated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import ViewType

from gansearch.record import StudyRecord
from gansearch.space import Space
from gansearch.tracking import MlflowMirror, store, sync
from gansearch.tracking.content import (
    Steps,
    identity,
    trial_content,
)
from gansearch.tracking.location import Location

Study = tuple[Space, StudyRecord]
Dumped = Callable[[Path | str], dict[str, Any]]


def test_one_of_two_runs_of_a_trial_is_deleted(
    client_of: Any, study: Study, results: Path, dumped: Dumped, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, record = study
    MlflowMirror(space, results).update(record)
    with monkeypatch.context() as patch:
        patch.setattr(store.ExperimentStore, "find", lambda *_, **__: {})
        MlflowMirror(space, results).update(record)
    sync(space, record, results)
    assert len(dumped(results)) == 5
    client = client_of(results)
    experiment = client.get_experiment_by_name("synthetic")
    assert experiment is not None
    deleted = client.search_runs([experiment.experiment_id], run_view_type=ViewType.DELETED_ONLY)
    assert len(deleted) == 5


@pytest.mark.slow
def test_a_new_database_is_set_up_without_output(
    study: Study, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sync(*study, tmp_path)
    assert (tmp_path / "mlflow.db").exists()
    assert capfd.readouterr() == ("", "")


def test_a_write_sends_only_what_is_new(study: Study, results: Path) -> None:
    space, record = study
    experiment = store.ExperimentStore(Location.default(results), "synthetic")
    trial = record.trials[0]
    content = trial_content(space, record, trial, Steps("kimg"), closed=True)
    stored = experiment.create(content)
    experiment.write(stored, content)
    experiment.write_artifacts(stored, content)
    assert experiment.changes.runs == 1
    assert experiment.changes.metrics == sum(map(len, content.rungs.values()))
    experiment.changes = store.Changes()
    found = experiment.find(identity(record))
    assert found.keys() == {trial.number}
    for known in (stored, found[trial.number]):
        experiment.write(known, content)
        experiment.write_artifacts(known, content)
    assert experiment.changes == store.Changes()
    assert experiment.find({**identity(record), "gansearch.study": "it's another"}) == {}
