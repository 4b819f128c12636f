"""A real tracking server that is away at first, is killed and comes back."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from gansearch.record import StudyRecord
from gansearch.space import Space, TrackingConfig
from gansearch.tracking import MlflowMirror, store, sync

pytestmark = pytest.mark.slow
Study = tuple[Space, StudyRecord]
Dumped = Callable[[Path | str], dict[str, Any]]
NOWHERE = Path("unused")


class Server:
    """An MLflow server on a port of its own, over files that outlive it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = ["server", "--workers", "1", "--host", "127.0.0.1", "--port", str(self.port)]
        arguments += ["--backend-store-uri", f"sqlite:///{self.folder / 'mlflow.db'}"]
        arguments += ["--artifacts-destination", str(self.folder / "artifacts")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *arguments],
            cwd=self.folder,
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for _ in range(600):
            with suppress(requests.ConnectionError):
                if requests.get(f"{self.uri}/health", timeout=5).ok:
                    return
            time.sleep(0.2)
        raise TimeoutError("the server did not start")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server and its workers."""
        assert self.process is not None
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


@contextmanager
def serving(folder: Path, empty_database: Path) -> Iterator[Server]:
    folder.mkdir()
    shutil.copy(empty_database, folder / "mlflow.db")
    server = Server(folder)
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def expected(study: Study, results: Path, dumped: Dumped) -> dict[str, Any]:
    """Runs that an undisturbed mirror writes."""
    sync(*study, results)
    return dumped(results)


def test_content_is_complete_after_the_server_was_killed(
    study: Study,
    expected: dict[str, Any],
    tmp_path: Path,
    empty_database: Path,
    dumped: Dumped,
    growing: Any,
) -> None:
    space, record = study
    states = list(growing(record))
    with serving(tmp_path / "server", empty_database) as server:
        space = space.model_copy(update={"tracking": TrackingConfig(uri=server.uri)})
        observer = MlflowMirror(space, NOWHERE)
        events: dict[int, Callable[[], None]] = {
            2: server.start,  # away from the start
            len(states) // 2: server.kill,
            len(states) - 3: server.start,
        }
        for index, state in enumerate(states):
            events.get(index, lambda: None)()
            observer.update(state)
        observer.close(record)
        assert dumped(server.uri) == expected
        assert sync(space, record, NOWHERE) == store.Changes()


def test_sync_writes_what_a_server_lacks_at_the_end(
    study: Study, expected: dict[str, Any], tmp_path: Path, empty_database: Path, dumped: Dumped
) -> None:
    space, record = study
    with serving(tmp_path / "server", empty_database) as server:
        space = space.model_copy(update={"tracking": TrackingConfig(uri=server.uri)})
        observer = MlflowMirror(space, NOWHERE)
        server.start()
        observer.update(record)
        server.kill()
        start = time.monotonic()
        observer.close(record)
        assert time.monotonic() - start < 30
        server.start()
        sync(space, record, NOWHERE)
        assert dumped(server.uri) == expected


def test_a_suspended_server_gets_no_second_runs(
    study: Study,
    expected: dict[str, Any],
    tmp_path: Path,
    empty_database: Path,
    dumped: Dumped,
    growing: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    space, record = study
    states = list(growing(record))
    with serving(tmp_path / "server", empty_database) as server:
        server.start()
        space = space.model_copy(update={"tracking": TrackingConfig(uri=server.uri)})
        observer = MlflowMirror(space, NOWHERE)
        observer.update(states[0])
        server.signal(signal.SIGSTOP)
        # The requests lie in the socket and are carried out once the server goes on.
        for state in states[1:4]:
            observer.update(state)
        server.signal(signal.SIGCONT)
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
        for state in states[4:]:
            observer.update(state)
        observer.close(record)
        assert dumped(server.uri) == expected
