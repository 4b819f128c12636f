"""MLflow as a mirror of the record: live tracking, a resumed study and a sync are the same code."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path

from gansearch.errors import UsageError
from gansearch.paths import command
from gansearch.record import StudyRecord, TrialRecord
from gansearch.space.models import Space
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
from gansearch.tracking.store import Changes, Held, Store

logger = logging.getLogger(__name__)

FRONT_INTERVAL = 30.0
"""Least seconds between two drawings of the front while a study runs."""
PATIENCE = (2.0, 60.0)
"""Seconds until a store that is away is tried again: at first, and at most."""


class MlflowMirror:
    """Follows a study as an observer and keeps MLflow's content equal to its record.

    A store that is away is tried again with growing patience; what it missed is written then, or by
    :func:`sync`. No failure of MLflow is ever raised to the study.

    Args:
        space: that the study searches; its ``tracking`` may name a server.
        results: folder of studies, with MLflow's database for spaces that name none.
    """

    def __init__(self, space: Space, results: Path) -> None:
        self.location = Location.of(space, results)
        self._results = results
        self._writer = Writer(space, self.location)
        self._wait = PATIENCE[0]
        self._retry_at = 0.0
        self._away = False

    def update(self, record: StudyRecord) -> None:
        """Write what is new, unless the store was away a moment ago."""
        if time.monotonic() >= self._retry_at:
            self._try(record, closed=False)

    def close(self, record: StudyRecord) -> None:
        """Write the rest and the front; one attempt, so that a store that is away holds nobody."""
        if not self._try(record, closed=True):
            logger.warning(
                "MLflow at %s missed the end of study %s: `%s` writes it",
                self.location,
                record.name,
                command("sync", record.name, results=self._results),
            )

    def _try(self, record: StudyRecord, *, closed: bool) -> bool:
        try:
            self._writer.write(record, closed=closed)
        except Exception as error:  # whatever MLflow's many backends raise: the study goes on
            if not self._away:
                logger.warning(
                    "MLflow at %s cannot be written (%s); the study goes on and it is tried again",
                    self.location,
                    self.location.brief(error),
                )
            self._away = True
            self._retry_at = time.monotonic() + self._wait
            self._wait = min(2 * self._wait, PATIENCE[1])
            return False
        if self._away:
            logger.warning("MLflow at %s is written again", self.location)
        self._away = False
        self._wait = PATIENCE[0]
        return True


def sync(space: Space, record: StudyRecord, results: Path) -> Changes:
    """Make MLflow's content equal to a study's record, as far as it is not.

    Trials that have not ended are shown as interrupted; a study that still runs corrects that as
    they go on.

    Args:
        space: that the study searches; its ``tracking`` may name a server.
        record: the study.
        results: folder of studies, with MLflow's database for spaces that name none.

    Returns:
        What was written; nothing where MLflow was up to date.

    Raises:
        UsageError: the store cannot be reached or refuses.
    """
    location = Location.of(space, results)
    try:
        return Writer(space, location).write(record, closed=True)
    except Exception as error:  # MLflow's backends raise what they like
        raise UsageError(
            f"MLflow at {location} cannot be written: {location.brief(error)}"
        ) from None


class Writer:
    """Brings MLflow from what it holds to what a record says, remembering what it has written.

    After any failure the memory is dropped and MLflow is asked again, because a request whose
    answer was lost may have been carried out.
    """

    def __init__(self, space: Space, location: Location) -> None:
        self.space = space
        self.location = location
        self._forget()

    def write(self, record: StudyRecord, *, closed: bool) -> Changes:
        """Write what MLflow lacks of ``record``.

        Args:
            record: the study.
            closed: whether no process runs it any more; MLflow is then asked what it holds.
        """
        if closed:
            self._forget()
        try:
            return self._write(record, closed=closed)
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        self._store: Store | None = None
        self._held: dict[int | None, Held] = {}
        self._seen: dict[int, TrialRecord] = {}
        self._drawn = -FRONT_INTERVAL

    def _write(self, record: StudyRecord, *, closed: bool) -> Changes:
        changed = [t for t in record.trials if closed or self._seen.get(t.number) != t]
        store = self._look(record, changed)
        parent = self._held.get(None)
        steps = Steps(parent.tags[STEP]) if parent else Steps.of(self.space)
        study = study_content(self.space, record, steps, closed=closed)
        below = {"mlflow.parentRunId": self._bring_up(store, study).id}
        contents = []
        for trial in changed:
            content = trial_content(self.space, record, trial, steps, closed=closed)
            contents.append(replace(content, tags={**content.tags, **below}))
            self._bring_up(store, contents[-1])
        # Files come after all values: a store of files that is away delays nothing else.
        if closed or time.monotonic() >= self._drawn + FRONT_INTERVAL:
            front = front_artifact(self.space, record)
            study = replace(study, artifacts=(*study.artifacts, front))
            self._drawn = time.monotonic()
        for content in (study, *contents):
            store.write_artifacts(self._held[content.number], content)
        self._seen |= {trial.number: trial for trial in changed}
        changes, store.changes = store.changes, Changes()
        return changes

    def _look(self, record: StudyRecord, changed: list[TrialRecord]) -> Store:
        """The store, with the runs in it that may be needed known."""
        if self._store is None:
            experiment = self.space.tracking.experiment or self.space.name
            self._store = Store(self.location, experiment)
            self._held = self._store.find(identity(record))
        elif new := [trial.started for trial in changed if trial.number not in self._held]:
            # A sync beside the running study may have created them.
            found = self._store.find(identity(record), since=round(1000 * min(new)))
            self._held = found | self._held
        return self._store

    def _bring_up(self, store: Store, content: RunContent) -> Held:
        if content.number not in self._held:
            self._held[content.number] = store.create(content)
        held = self._held[content.number]
        store.write(held, content)
        return held
