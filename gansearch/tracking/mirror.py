"""Mirror of a study's record in MLflow, the same for live tracking, resumed studies and syncs."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path

from gansearch.errors import UsageError
from gansearch.paths import command
from gansearch.record import StudyRecord, TrialRecord
from gansearch.space import Space
from gansearch.tracking.artifacts import front_artifact
from gansearch.tracking.content import (
    STEP,
    RunContent,
    Steps,
    identity,
    study_content,
    trial_content,
)
from gansearch.tracking.location import Location
from gansearch.tracking.store import Changes, ExperimentStore, StoredRun

logger = logging.getLogger(__name__)

FRONT_INTERVAL = 30.0
"""Minimum seconds between two updates of the front while a study runs."""
RETRY_SECONDS = (2.0, 60.0)
"""Seconds before an unreachable store is retried: at first, and at most."""


class MlflowMirror:
    """Observer that keeps MLflow's content equal to a study's record.

    An unreachable store is retried at growing intervals. The missing content is written then, or by
    :func:`sync`. MLflow's failures never reach the study.

    Args:
        space: space of the study; its ``tracking`` may name a server.
        results: folder of studies, with MLflow's database for spaces that name no server.
    """

    def __init__(self, space: Space, results: Path) -> None:
        self.location = Location.of(space, results)
        self._results = results
        self._writer = RunWriter(space, self.location)
        self._wait = RETRY_SECONDS[0]
        self._retry_at = 0.0
        self._unreachable = False

    def update(self, record: StudyRecord) -> None:
        """Write what MLflow lacks, unless the time to retry an unreachable store has not come."""
        if time.monotonic() >= self._retry_at:
            self._try(record, closed=False)

    def close(self, record: StudyRecord) -> None:
        """Write the rest and the front in one attempt; an unreachable store must not block."""
        if not self._try(record, closed=True):
            logger.warning(
                "MLflow at %s lacks the end of study %s: `%s` writes it",
                self.location,
                record.name,
                command("sync", record.name, results=self._results),
            )

    def _try(self, record: StudyRecord, *, closed: bool) -> bool:
        try:
            self._writer.write(record, closed=closed)
        except Exception as error:  # errors of any type from MLflow's backends; the study continues
            if not self._unreachable:
                logger.warning(
                    "MLflow at %s cannot be written (%s); the study continues and retries it",
                    self.location,
                    self.location.brief(error),
                )
            self._unreachable = True
            self._retry_at = time.monotonic() + self._wait
            self._wait = min(2 * self._wait, RETRY_SECONDS[1])
            return False
        if self._unreachable:
            logger.warning("MLflow at %s can be written again", self.location)
        self._unreachable = False
        self._wait = RETRY_SECONDS[0]
        return True


def sync(space: Space, record: StudyRecord, results: Path) -> Changes:
    """Make MLflow's content equal to a study's record.

    Unfinished trials are shown as interrupted; a study that is still running corrects that as they
    progress.

    Args:
        space: space of the study; its ``tracking`` may name a server.
        record: record of the study.
        results: folder of studies, with MLflow's database for spaces that name no server.

    Returns:
        The changes; empty if MLflow was up to date.

    Raises:
        UsageError: the store cannot be reached or refuses a request.
    """
    location = Location.of(space, results)
    try:
        return RunWriter(space, location).write(record, closed=True)
    except Exception as error:  # MLflow's backends raise errors of any type
        raise UsageError(
            f"MLflow at {location} cannot be written: {location.brief(error)}"
        ) from None


class RunWriter:
    """Writes a study's runs to MLflow and caches the written content.

    After a failure the cache is dropped and MLflow is queried again, because a request whose
    response was lost may have been executed.
    """

    def __init__(self, space: Space, location: Location) -> None:
        self.space = space
        self.location = location
        self._forget()

    def write(self, record: StudyRecord, *, closed: bool) -> Changes:
        """Write what MLflow lacks of ``record``.

        Args:
            record: record of the study.
            closed: whether no process runs the study any more; MLflow's content is then queried
                first.
        """
        if closed:
            self._forget()
        try:
            return self._write(record, closed=closed)
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        self._store: ExperimentStore | None = None
        self._stored: dict[int | None, StoredRun] = {}
        self._seen: dict[int, TrialRecord] = {}
        self._front_written = -FRONT_INTERVAL

    def _write(self, record: StudyRecord, *, closed: bool) -> Changes:
        changed = [t for t in record.trials if closed or self._seen.get(t.number) != t]
        store = self._find_runs(record, changed)
        parent = self._stored.get(None)
        steps = Steps(parent.tags[STEP]) if parent else Steps.of(self.space)
        study = study_content(self.space, record, steps, closed=closed)
        parent_tag = {"mlflow.parentRunId": self._update_run(store, study).id}
        contents = []
        for trial in changed:
            content = trial_content(self.space, record, trial, steps, closed=closed)
            contents.append(replace(content, tags={**content.tags, **parent_tag}))
            self._update_run(store, contents[-1])
        # Files come after all values, so that an unreachable file store delays nothing else.
        if closed or time.monotonic() >= self._front_written + FRONT_INTERVAL:
            front = front_artifact(self.space, record)
            study = replace(study, artifacts=(*study.artifacts, front))
            self._front_written = time.monotonic()
        for content in (study, *contents):
            store.write_artifacts(self._stored[content.number], content)
        self._seen |= {trial.number: trial for trial in changed}
        changes, store.changes = store.changes, Changes()
        return changes

    def _find_runs(self, record: StudyRecord, changed: list[TrialRecord]) -> ExperimentStore:
        """Return the store, after a search for all runs that may be needed."""
        if self._store is None:
            experiment = self.space.tracking.experiment or self.space.name
            self._store = ExperimentStore(self.location, experiment)
            self._stored = self._store.find(identity(record))
        elif new := [trial.started for trial in changed if trial.number not in self._stored]:
            # A sync during the study may have created them.
            found = self._store.find(identity(record), since=round(1000 * min(new)))
            self._stored = found | self._stored
        return self._store

    def _update_run(self, store: ExperimentStore, content: RunContent) -> StoredRun:
        if content.number not in self._stored:
            self._stored[content.number] = store.create(content)
        stored = self._stored[content.number]
        store.write(stored, content)
        return stored
