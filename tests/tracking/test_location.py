"""Where MLflow keeps things: beside its database, wherever both are moved to."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from mlflow import MlflowClient

from gansearch.record import StudyRecord
from gansearch.space import Space, TrackingConfig
from gansearch.tracking import read_config, sync
from gansearch.tracking.content import Steps, study_content
from gansearch.tracking.location import Location, readable_database

Study = tuple[Space, StudyRecord]
Dumped = Callable[[Path | str], dict[str, Any]]


def locations(results: Path) -> set[str]:
    """Every recorded location of files, of a study's experiment."""
    query = (
        "SELECT artifact_location FROM experiments WHERE experiment_id > 0"
        " UNION SELECT artifact_uri FROM runs"
    )
    with closing(sqlite3.connect(results / "mlflow.db")) as connection:
        return {location for (location,) in connection.execute(query)}


def run_of(results: Path, name: str) -> str:
    client = MlflowClient(Location.default(results).uri)
    experiment = client.get_experiment_by_name("synthetic")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    return str(next(run.info.run_id for run in runs if run.info.run_name == name))


def as_before(results: Path) -> None:
    """Record the places as the version before did: with the path of the folder."""
    root = (results / "mlartifacts").as_uri()
    with closing(sqlite3.connect(results / "mlflow.db")) as connection, connection:
        connection.execute(f"UPDATE runs SET artifact_uri = '{root}/' || run_uuid || '/artifacts'")  # noqa: S608
        change = f"UPDATE experiments SET artifact_location = '{root}' WHERE experiment_id > 0"  # noqa: S608
        connection.execute(change)


@pytest.mark.parametrize("before", [False, True])
def test_results_can_be_moved(
    before: bool, study: Study, results: Path, dumped: Dumped, tmp_path: Path
) -> None:
    space, record = study
    sync(space, record, results)
    expected = dumped(results)
    if before:
        as_before(results)
        assert str(results) in str(locations(results))
    moved = tmp_path / "x #1%20é?"
    results.rename(moved)
    trial = next(t for t in record.trials if t.number == 3)
    config = space.train_config(trial.params, trial.seed).to_json()
    assert read_config(run_of(moved, "trial 3"), moved) == config
    assert sync(space, record, moved).runs == 0
    assert dumped(moved) == expected
    assert all(place.startswith("mlflow-artifacts:/") for place in locations(moved))
    assert not results.exists()


@pytest.mark.parametrize("before", [False, True])
def test_a_copy_is_read_of_results_that_cannot_be_written(
    before: bool, study: Study, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(*study, results)
    run = run_of(results, "trial 3")
    if before:
        as_before(results)
    content = (results / "mlflow.db").read_bytes()
    nothing = SimpleNamespace(access=lambda *_: False, W_OK=os.W_OK)
    monkeypatch.setattr("gansearch.tracking.location.os", nothing)
    assert read_config(run, results)
    with readable_database(results) as location:
        assert location.files == results / "mlartifacts"
        assert str(results) not in location.uri
    assert (results / "mlflow.db").read_bytes() == content


def test_a_space_on_its_server_has_no_secrets(study: Study) -> None:
    space, record = study
    uri = "https://me:hunter2@host"
    space = space.model_copy(update={"tracking": TrackingConfig(uri=uri)})
    text = f"name: synthetic\ntracking: {{uri: '{uri}'}}\n"
    record = StudyRecord(record.name, text, "x.yaml", record.started, {}, ())
    content = study_content(space, record, Steps("kimg"), closed=True)
    (artifact,) = content.artifacts
    shown = artifact.files()["space.yaml"].decode()
    assert "hunter2" not in shown
    assert "https://***@host" in shown


def test_no_folder_is_created_beside_one_with_escaped_characters(
    study: Study, tmp_path: Path
) -> None:
    results = tmp_path / "x #1%20é"
    results.mkdir()
    sync(*study, results)
    assert list(tmp_path.iterdir()) == [results]
    assert (results / "mlflow.db").exists()


@pytest.mark.slow
def test_pages_of_moved_results_show_their_files(
    study: Study, results: Path, tmp_path: Path
) -> None:
    sync(*study, results)
    run = run_of(results, "trial 3")
    as_before(results)
    moved = shutil.copytree(results, tmp_path / "x #1%20é")
    shutil.rmtree(results)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    code = "from gansearch.cli.app import main; main()"
    arguments = ["ui", "--results", str(moved), "--port", str(port)]
    server = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        url = f"http://127.0.0.1:{port}/get-artifact?path=config.json&run_uuid={run}"
        for _ in range(300):
            with suppress(requests.ConnectionError):
                answer = requests.get(url, timeout=30)
                break
            time.sleep(0.2)
        assert answer.text == read_config(run, moved)
    finally:
        os.killpg(server.pid, 9)
        server.wait()


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("sqlite:////results/mlflow.db", "sqlite:////results/mlflow.db"),
        ("https://user:pa@ss@host:5000/path", "https://***"),
        ("postgresql://host/db?user=u&password=p", "postgresql://host/db?***"),
    ],
)
def test_secrets_of_a_uri_are_not_shown(uri: str, shown: str) -> None:
    location = Location.at(uri, Path("results"))
    assert str(location) == shown
    words = location.brief(OSError(f"no answer from {uri}\nmore"))
    assert not any(secret in words for secret in ("pa@ss", "password=p", "more"))


def test_the_default_store_is_a_database_in_the_results(make_study: Any, tmp_path: Path) -> None:
    space, _ = make_study(0)
    assert Location.of(space, tmp_path) == Location(
        f"sqlite+pysqlite:///{tmp_path}/mlflow.db", "mlflow-artifacts:/", tmp_path / "mlartifacts"
    )
    tracked = space.model_copy(update={"tracking": TrackingConfig(uri="http://tracking:5000")})
    assert Location.of(tracked, tmp_path) == Location("http://tracking:5000", None)
