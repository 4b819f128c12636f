"""MLflow as a mirror of the record: live tracking, a resumed study and a sync are the same code."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import replace
from pathlib import Path

from gansearch.errors import UsageError
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
        space: that the study searches.
        uri: tracking server or database.
        artifact_root: folder or URI for files, where the experiment is made in a database.
    """

    def __init__(self, space: Space, uri: str, artifact_root: str | None = None) -> None:
        self.uri = uri
        self._writer = Writer(space, uri, artifact_root)
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
                "MLflow at %s missed the end of study %s: `gansearch sync %s` writes it",
                redacted(self.uri),
                record.name,
                record.name,
            )

    def _try(self, record: StudyRecord, *, closed: bool) -> bool:
        try:
            self._writer.write(record, closed=closed)
        except Exception as error:  # whatever MLflow's many backends raise: the study goes on
            if not self._away:
                logger.warning(
                    "MLflow at %s cannot be written (%s); the study goes on and it is tried again",
                    redacted(self.uri),
                    brief(error, self.uri),
                )
            self._away = True
            self._retry_at = time.monotonic() + self._wait
            self._wait = min(2 * self._wait, PATIENCE[1])
            return False
        if self._away:
            logger.warning("MLflow at %s is written again", redacted(self.uri))
        self._away = False
        self._wait = PATIENCE[0]
        return True


def sync(space: Space, record: StudyRecord, uri: str, artifact_root: str | None = None) -> Changes:
    """Make MLflow's content equal to a study's record, as far as it is not.

    Trials that have not ended are shown as interrupted: a study that still runs corrects that.

    Args:
        space: that the study searches.
        record: the study.
        uri: tracking server or database.
        artifact_root: folder or URI for files, where the experiment is made in a database.

    Returns:
        What was written; nothing where MLflow was up to date.

    Raises:
        UsageError: the store cannot be reached or refuses.
    """
    try:
        return Writer(space, uri, artifact_root).write(record, closed=True)
    except UsageError:
        raise
    except Exception as error:  # MLflow's backends raise what they like
        raise UsageError(
            f"MLflow at {redacted(uri)} cannot be written: {brief(error, uri)}"
        ) from None


def default_location(space: Space, results: Path) -> tuple[str, str]:
    """Where a space's tracking goes: its own URI or a database in ``results``; and its files' root.

    Args:
        space: whose ``tracking.uri`` counts.
        results: folder of studies; the database and files are in it.
    """
    results = results.absolute()
    uri = space.tracking.uri or f"sqlite:///{results / 'mlflow.db'}"
    return uri, (results / "mlartifacts").as_uri()


class Writer:
    """Brings MLflow from what it holds to what a record says, remembering what it has written.

    After any failure the memory is dropped and MLflow is asked again, because a request whose
    answer was lost may have been carried out.
    """

    def __init__(self, space: Space, uri: str, artifact_root: str | None) -> None:
        self.space = space
        self.uri = uri
        self.artifact_root = None if uri.startswith("http") else artifact_root
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
            self._store = Store(self.uri, experiment, self.artifact_root)
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


def redacted(uri: str) -> str:
    """A URI without what may be secret in it: user, password, query."""
    return re.sub(r"(?<=://)[^/]*@", "", uri).partition("?")[0]


def brief(error: Exception, uri: str) -> str:
    """An error's kind and first line, without the secrets of ``uri``."""
    line = (str(error).splitlines() or [""])[0]
    user, query = re.search(r"(?<=://)[^/]*(?=@)", uri), uri.partition("?")[2]
    for secret in (user[0] if user else "", user[0].partition(":")[2] if user else "", query):
        line = line.replace(secret, "***") if secret else line
    return f"{type(error).__name__}: {line[:300]}"
