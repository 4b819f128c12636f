"""MLflow's pages of a results folder, and the configurations of their runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from gansearch.errors import UsageError
from gansearch.paths import CONFIG_FILE, RESULTS, StrPath
from gansearch.study.signals import END_WITH_PROCESS, deferred_signals, raise_deferred
from gansearch.tracking.location import RELATIVE_ROOT, Location, database, readable_database
from gansearch.tracking.store import artifacts_of, client_of

# One worker, because each further one slows every call (its sockets lose TCP_NODELAY).
SERVER_ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""Environment of the server: no job workers, which take two gigabytes and are not used here."""

POLL_SECONDS = 0.1
"""Seconds between two checks of a running server."""

END_SECONDS = 5.0
"""Seconds that a server has for an orderly shutdown."""


def serve_ui(results: StrPath = RESULTS, *, port: int = 5000) -> None:
    """Serve MLflow's pages on 127.0.0.1 until Ctrl-C or SIGTERM, which also end the server.

    Args:
        results: folder of studies.
        port: port on 127.0.0.1.

    Raises:
        UsageError: nothing is tracked in ``results``, the port is taken, or the server ends on its
            own.
        SystemExit: SIGTERM, raised after the server has ended.
    """
    folder = Path(results)
    if not database(folder).exists():
        raise UsageError(f"{results} has no MLflow database: `gansearch run` or `sync` makes it")
    _check_port(port)
    environment = {**os.environ, **SERVER_ENVIRONMENT}
    with deferred_signals() as signals, readable_database(folder) as location:
        location.prepare()
        arguments = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        arguments += ["--backend-store-uri", location.uri]
        arguments += ["--artifacts-destination", str(location.served)]
        command = [sys.executable, "-m", "mlflow", "server", *arguments]
        server = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603
        END_WITH_PROCESS.add(server.pid)
        while server.poll() is None and not signals:
            time.sleep(POLL_SECONDS)
        _end(server)
        END_WITH_PROCESS.discard(server.pid)
    if not signals:
        raise UsageError(f"MLflow's server on port {port} ended with code {server.returncode}")
    if signals[0] != signal.SIGINT:  # Ctrl-C is the normal end
        raise_deferred(signals)


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(
                f"port {port} cannot be used: {error.strerror}; give another one with --port, or "
                "end the process that uses it"
            ) from None


def _end(server: subprocess.Popen[bytes]) -> None:
    """End a server with all its workers."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        with suppress(subprocess.TimeoutExpired):
            server.wait(END_SECONDS)


def read_config(run: str, results: Path) -> str:
    """Return the training configuration of a trial's run, as JSON.

    Args:
        run: id of the run, in the store of ``$MLFLOW_TRACKING_URI`` if that is set.
        results: folder of studies, whose database is searched otherwise.

    Raises:
        UsageError: there is no such run, or it has no configuration.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    location = Location.at(uri, results) if uri else Location.default(results)
    if uri is None and not database(results).exists():
        raise UsageError(f"{results} has no MLflow database to find run {run!r} in")
    try:
        with (
            TemporaryDirectory() as folder,
            nullcontext(location) if location.files is None else readable_database(results) as at,
        ):
            client = client_of(at)
            found = client.get_run(run).info
            if (
                found.artifact_uri.startswith(RELATIVE_ROOT)
                and (files := at.artifact_folder()) is not None
            ):
                return (artifacts_of(files, found.run_id) / CONFIG_FILE).read_text()
            return Path(client.download_artifacts(run, CONFIG_FILE, folder)).read_text()
    except Exception as error:  # MLflow's backends raise errors of any type
        raise UsageError(
            f"no configuration of run {run!r} in MLflow at {location}: {location.brief(error)}"
        ) from None
