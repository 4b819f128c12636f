"""MLflow's own pages over a results folder, and what they point back to."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from gansearch.errors import UsageError
from gansearch.tracking.artifacts import CONFIG_FILE
from gansearch.tracking.location import RELATIVE_ROOT, Location, database, readable
from gansearch.tracking.store import artifacts_of, client_of

# One worker: each further one slows every call (its sockets lose TCP_NODELAY); the job workers
# take two gigabytes for what is not used here.
SERVER_ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def serve(results: Path, port: int) -> None:
    """Serve MLflow's pages on loopback until Ctrl-C.

    Args:
        results: folder of studies.
        port: on 127.0.0.1.

    Raises:
        UsageError: nothing is tracked in ``results``, or the server does not start.
    """
    if not database(results).exists():
        raise UsageError(f"{results} has no MLflow database: `gansearch run` or `sync` makes it")
    environment = {**os.environ, **SERVER_ENVIRONMENT}
    with suppress(KeyboardInterrupt), readable(results) as location:
        location.prepare()
        arguments = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        arguments += ["--backend-store-uri", location.uri]
        arguments += ["--artifacts-destination", str(location.served)]
        command = [sys.executable, "-m", "mlflow", "server", *arguments]
        code = subprocess.run(command, env=environment, check=False).returncode  # noqa: S603
        if code > 0:
            raise UsageError(f"MLflow's server on port {port} ended with code {code}")


def read_config(run: str, results: Path) -> str:
    """The training configuration of a trial's run, as JSON.

    Args:
        run: its id, in the store of ``$MLFLOW_TRACKING_URI`` if that is set.
        results: folder of studies, whose database is looked in otherwise.

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
            nullcontext(location) if location.files is None else readable(results) as at,
        ):
            client = client_of(at)
            found = client.get_run(run).info
            if found.artifact_uri.startswith(RELATIVE_ROOT) and (files := at.beside()) is not None:
                return (artifacts_of(files, found.run_id) / CONFIG_FILE).read_text()
            return Path(client.download_artifacts(run, CONFIG_FILE, folder)).read_text()
    except Exception as error:  # MLflow's backends raise what they like
        raise UsageError(
            f"no configuration of run {run!r} in MLflow at {location}: {location.brief(error)}"
        ) from None
