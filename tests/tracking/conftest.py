"""Content of MLflow as plain values, and studies as they grow."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from gansearch.record import StudyRecord, TrialRecord
from gansearch.report import style
from gansearch.tracking import mirror
from gansearch.tracking.location import Location
from gansearch.urls import sqlite_file, sqlite_url

Dump = dict[str, Any]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that MLflow has set up; doing so takes seconds."""
    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def results(empty_database: Path, tmp_path: Path) -> Path:
    """A results folder with nothing in its store."""
    (tmp_path / "results").mkdir()
    shutil.copy(empty_database, tmp_path / "results" / "mlflow.db")
    return tmp_path / "results"


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "RETRY_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(mirror, "FRONT_INTERVAL", 1e9)  # drawn at the end only, and small
    monkeypatch.setitem(style.FIGURE, "dpi", 30)
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


def dump(uri: str, scratch: Path) -> Dump:
    """Everything that MLflow shows of its runs, without its random names."""
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("synthetic")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    names = {run.info.run_id: run.info.run_name for run in runs}
    content = {}
    for run in runs:
        folder = _artifacts(client, run, scratch)
        tags = dict(run.data.tags)
        if "mlflow.parentRunId" in tags:
            tags["mlflow.parentRunId"] = names[tags["mlflow.parentRunId"]]
        assert run.info.run_name not in content, "two runs of one trial"
        content[run.info.run_name] = {
            "tags": tags,
            "params": dict(run.data.params),
            "metrics": _history(client, run),
            "status": run.info.status,
            "time": (run.info.start_time, run.info.end_time),
            "files": {
                str(file.relative_to(folder)): file.read_bytes()
                for file in sorted(folder.rglob("*"))
                if file.is_file()
            },
        }
    return content


def _history(client: MlflowClient, run: Any) -> dict[str, list[tuple[int, float, int]]]:
    """For each metric the steps, values and times that are stored."""
    history: dict[str, list[tuple[int, float, int]]] = {}
    for name in run.data.metrics:
        points = client.get_metric_history(run.info.run_id, name)
        history[name] = [(p.step, p.value, p.timestamp) for p in points]
    return history


def _artifacts(client: MlflowClient, run: Any, scratch: Path) -> Path:
    """A local folder with the artifacts of a run."""
    if file := sqlite_file(client.tracking_uri):
        return file.parent / "mlartifacts" / run.info.run_id / "artifacts"
    folder = scratch / run.info.run_id
    folder.mkdir(parents=True, exist_ok=True)
    if client.list_artifacts(run.info.run_id):
        client.download_artifacts(run.info.run_id, "", str(folder))
    return folder


@pytest.fixture
def dumped(tmp_path: Path) -> Callable[[Path | str], Dump]:
    """:func:`dump` of a results folder or a server."""

    def dumped(where: Path | str) -> Dump:
        uri = where if isinstance(where, str) else sqlite_url(where / "mlflow.db")
        return dump(uri, tmp_path / "scratch")

    return dumped


@pytest.fixture
def growing() -> Callable[..., Iterator[StudyRecord]]:
    """The record after every event of a study; the complete one is last."""
    return _growing


@pytest.fixture
def study(make_study: Callable[..., Any]) -> Any:
    """A space and four trials: two completed, one stopped, one diverged."""
    space, record = make_study(9)
    return space, replace(record, trials=tuple(record.trials[n] for n in (0, 1, 3, 8)))


def _growing(record: StudyRecord, workers: int = 3) -> Iterator[StudyRecord]:
    stages = {trial.number: list(_stages(trial)) for trial in record.trials}
    seen: dict[int, TrialRecord] = {}
    while any(stages.values()):
        for number in [n for n, left in stages.items() if left][:workers]:
            seen[number] = stages[number].pop(0)
            yield replace(record, trials=tuple(seen[n] for n in sorted(seen)))


def _stages(trial: TrialRecord) -> Iterator[TrialRecord]:
    for count in range(len(trial.reports) + 1):
        yield replace(trial, reports=trial.reports[:count], outcome=None, reason="", ended=None)
    yield trial


@pytest.fixture(scope="session")
def client_of() -> Callable[[Path], MlflowClient]:
    """Returns MLflow's client of a results folder."""
    return lambda results: MlflowClient(Location.default(results).uri)


@pytest.fixture(scope="session")
def run_of(client_of: Callable[[Path], MlflowClient]) -> Callable[[Path, int | None], Run]:
    """Returns the run of a trial, or of the study."""

    def find(results: Path, trial: int | None) -> Run:
        client = client_of(results)
        experiment = client.get_experiment_by_name("synthetic")
        assert experiment is not None
        of = "tags.space = 'synthetic'" if trial is None else f"tags.gansearch.trial = '{trial}'"
        (run,) = client.search_runs([experiment.experiment_id], of)
        return run

    return find


@pytest.fixture
def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
