"""Runs of one study in MLflow: found, created and updated. MLflow is imported here alone.

Writes are idempotent. A run is looked up before it is created and a parameter is written once. A
metric is written again only with the same value, step and time, which MLflow treats as the same
row.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gansearch.metrics.catalog import RENAMED
from gansearch.paths import written_atomically
from gansearch.tracking.content import SCORED, TRIAL, RunContent, fitting_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from gansearch.tracking.location import Location

ARTIFACTS = "gansearch.artifacts"
"""Tag that lists a run's artifacts with their versions."""
PAGE = 1000
"""Runs per response of the server."""

# A retried request may be executed twice and create a second run for a trial. So there are no
# retries below the mirror, which looks up what exists before it writes again.
HTTP_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


@dataclass
class Changes:
    """Counts of what was written.

    Attributes:
        runs: runs created.
        metrics: values written.
        artifacts: files uploaded.
        updates: tags and statuses of runs changed.
    """

    runs: int = 0
    metrics: int = 0
    artifacts: int = 0
    updates: int = 0


@dataclass
class StoredRun:
    """Content of one MLflow run, as known to this process.

    Attributes:
        id: id of the run.
        status: status in MLflow's terms.
        ended: milliseconds since the epoch.
        kimg: kimg up to which rungs are written, under current names of metrics; -1 for none.
        tags, params: stored tags; names of stored parameters.
        artifacts: versions by key.
        missing: versions by key of artifacts whose source no longer exists; a new process retries.
    """

    id: str
    status: str = "RUNNING"
    ended: int | None = None
    kimg: float = -1.0
    tags: dict[str, str] = field(default_factory=dict)
    params: set[str] = field(default_factory=set)
    artifacts: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Run) -> StoredRun:
        """Make it from a run that MLflow returned."""
        try:
            artifacts = json.loads(run.data.tags.get(ARTIFACTS, "{}"))
        except ValueError:
            artifacts = {}  # truncated at MLflow's limit: the files are written again
        return cls(
            id=run.info.run_id,
            status=run.info.status,
            ended=run.info.end_time,
            kimg=_written_kimg(run.data.metrics),
            tags=dict(run.data.tags),
            params=set(run.data.params),
            artifacts=artifacts,
        )


def client_of(location: Location) -> MlflowClient:
    """Make MLflow's client, which sets up a new database and gives up early on a server."""
    for name, value in HTTP_DEFAULTS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    location.prepare()
    # Both log every step of a new database's set-up.
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=location.uri)


class ExperimentStore:
    """One experiment of an MLflow store.

    Args:
        location: location of the store.
        experiment: name of the experiment; created if it is missing.

    Raises:
        mlflow.exceptions.MlflowException: the store cannot be reached.
    """

    def __init__(self, location: Location, experiment: str) -> None:
        self._files = location.files
        self.client = client_of(location)
        found = self.client.get_experiment_by_name(experiment)
        self.experiment: str = (
            found.experiment_id
            if found
            else self.client.create_experiment(experiment, location.artifact_root)
        )
        self.changes = Changes()

    def find(self, tags: Mapping[str, str], since: int = 0) -> dict[int | None, StoredRun]:
        """Find the runs that have ``tags``, by trial number; ``None`` for the study's own.

        If a lost response led to two runs for a trial, every process keeps the same one and deletes
        the others.

        Args:
            tags: tags that identify a study.
            since: least start time of the runs, in milliseconds.
        """
        clauses = [f"tags.`{name}` = {_quoted(value)}" for name, value in tags.items()]
        clauses.append(f"attributes.start_time >= {since}")
        found: dict[int | None, StoredRun] = {}
        for run in sorted(self._search(" AND ".join(clauses)), key=lambda run: run.info.run_id):
            text = run.data.tags.get(TRIAL)
            number = None if text is None else int(text)
            if number in found:
                self.client.delete_run(run.info.run_id)
            else:
                found[number] = StoredRun.of(run)
        return found

    def create(self, content: RunContent) -> StoredRun:
        """Create the run for ``content``; tags and start time are written at once."""
        run = self.client.create_run(
            self.experiment,
            start_time=content.started,
            tags=dict(content.tags),
            run_name=content.name,
        )
        self.changes.runs += 1
        return StoredRun.of(run)

    def write(self, stored: StoredRun, content: RunContent) -> None:
        """Update parameters, metrics, tags and status of a run to ``content``."""
        from mlflow.entities import Metric, Param

        points = [p for kimg, rung in content.rungs.items() if kimg > stored.kimg for p in rung]
        if content.tags.get(SCORED) != stored.tags.get(SCORED):
            points += content.scores
        params = {n: v for n, v in content.params.items() if n not in stored.params}
        self._log(
            stored,
            metrics=[Metric(p.name, p.value, p.time, p.step) for p in points],
            params=[Param(name, value) for name, value in params.items()],
            tags=content.tags,
        )
        stored.kimg = max((*content.rungs, stored.kimg))
        stored.params |= params.keys()
        self.changes.metrics += len(points)
        if content.ended is None and stored.status != content.status:
            self.client.update_run(stored.id, status=content.status)
        elif content.ended is not None and (stored.status, stored.ended) != (
            content.status,
            content.ended,
        ):
            self.client.set_terminated(stored.id, content.status, content.ended)
        else:
            return
        stored.status, stored.ended = content.status, content.ended
        self.changes.updates += 1

    def write_artifacts(self, stored: StoredRun, content: RunContent) -> None:
        """Upload artifacts that a run lacks or has in another version, then list them in a tag."""
        tags: dict[str, str] = {}
        for artifact in content.artifacts:
            key = artifact.key
            if artifact.version in (stored.artifacts.get(key), stored.missing.get(key)):
                continue
            files = artifact.files()
            self._upload(stored.id, files)
            (stored.artifacts if files else stored.missing)[key] = artifact.version
            self.changes.artifacts += len(files)
            tags |= artifact.tags if files else {}
        if stored.artifacts:
            tags[ARTIFACTS] = json.dumps(stored.artifacts)
        self._log(stored, tags=fitting_tags(tags))

    def _log(
        self,
        stored: StoredRun,
        *,
        tags: Mapping[str, str],
        metrics: Iterable[Any] = (),
        params: Iterable[Any] = (),
    ) -> None:
        from mlflow.entities import RunTag

        new = {name: value for name, value in tags.items() if stored.tags.get(name) != value}
        # The client splits this into requests of MLflow's size, in order.
        self.client.log_batch(
            stored.id,
            metrics=list(metrics),
            params=list(params),
            tags=[RunTag(name, value) for name, value in new.items()],
        )
        stored.tags |= new
        self.changes.updates += len(new)

    def _upload(self, run: str, files: Mapping[str, bytes]) -> None:
        if self._files is not None:
            for path, content in files.items():
                with written_atomically(artifacts_of(self._files, run) / path) as temporary:
                    temporary.write_bytes(content)
            return
        for path, content in files.items():
            folder, _, name = path.rpartition("/")
            with tempfile.TemporaryDirectory() as temporary:
                file = Path(temporary) / name
                file.write_bytes(content)
                self.client.log_artifact(run, str(file), folder or None)

    def _search(self, query: str) -> Iterable[Run]:
        token: str | None = None
        while True:
            page = self.client.search_runs(
                [self.experiment], query, max_results=PAGE, page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return


def artifacts_of(files: Path, run: str) -> Path:
    """Return the folder of a run's artifacts, where a server that serves ``files`` looks for it."""
    return files / run / "artifacts"


def _written_kimg(metrics: Mapping[str, float]) -> float:
    """Return the kimg up to which a run's rungs are written; -1 if a metric was renamed since."""
    names = [old for old, new in RENAMED.items() if old in metrics and new not in metrics]
    return -1.0 if names else metrics.get("kimg", -1.0)


def _quoted(text: str) -> str:
    quote = '"' if "'" in text else "'"
    return f"{quote}{text}{quote}"
