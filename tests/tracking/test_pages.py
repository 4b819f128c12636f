"""MLflow's pages of a results folder, and configurations of their runs."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from gansearch.errors import UsageError
from gansearch.record import StudyRecord
from gansearch.space import Space
from gansearch.tracking import read_config, serve_ui, sync
from gansearch.tracking.location import Location

Study = tuple[Space, StudyRecord]
Dumped = Callable[[Path | str], dict[str, Any]]


def test_the_configuration_of_a_run_reads_back(
    run_of: Any, study: Study, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, record = study
    sync(space, record, results)
    run = run_of(results, 3)
    trial = next(t for t in record.trials if t.number == 3)
    expected = space.train_config(trial.params, trial.seed).to_json()
    assert read_config(run.info.run_id, results) == expected
    monkeypatch.setenv("MLFLOW_TRACKING_URI", Location.default(results).uri)
    assert read_config(run.info.run_id, Path("elsewhere")) == expected
    with pytest.raises(UsageError, match="no configuration of run 'unknown'"):
        read_config("unknown", results)


def test_a_missing_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no MLflow database"):
        serve_ui(tmp_path)
    with pytest.raises(UsageError, match="no MLflow database"):
        read_config("run", tmp_path)


def test_a_used_port_is_named(study: Study, tmp_path: Path) -> None:
    space, record = study
    sync(space, record, tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} cannot be used: .*--port"):
            serve_ui(tmp_path, port=port)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 0)])
def test_the_pages_end_with_all_their_processes(
    study: Study, tmp_path: Path, closed_port: int, number: signal.Signals, code: int
) -> None:
    space, record = study
    sync(space, record, tmp_path)
    arguments = ["ui", "--results", str(tmp_path), "--port", str(closed_port)]
    command = subprocess.Popen(
        [sys.executable, "-m", "gansearch", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    for _ in range(600):
        with suppress(requests.ConnectionError):
            if requests.get(f"http://127.0.0.1:{closed_port}/health", timeout=5).ok:
                break
        time.sleep(0.2)
    processes = psutil.Process(command.pid).children(recursive=True)
    assert processes
    command.send_signal(number)
    assert command.wait(30) == code
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive
