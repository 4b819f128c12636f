"""The durable record of studies, in Optuna's storage."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import optuna
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial

from gansearch.errors import StudyError
from gansearch.paths import command
from gansearch.record import Outcome, Prior, Report, StudyRecord, TrialRecord, images_of
from gansearch.search.feasibility import constraint_attributes, is_full, violations
from gansearch.search.storage import layout
from gansearch.search.storage.addresses import recorded, relative, resolved
from gansearch.search.storage.budget import check_budget, record_budget, space_of
from gansearch.search.storage.database import (
    MissingTablesError,
    Row,
    connect,
    file_of,
    is_missing,
    read_trials,
    shown,
    storage_errors,
)
from gansearch.search.storage.lease import RENEW_SECONDS, Lease
from gansearch.search.storage.write_queue import WriteQueue
from gansearch.space import Space
from gansearch.urls import sqlite_url

__all__ = ["StudyStore", "read_study", "sqlite_url", "study_names"]


def study_names(url: str) -> tuple[str, ...]:
    """Return the names of the studies in a storage, oldest first; none without a database.

    Raises:
        StudyError: the storage is unreachable or unreadable.
    """
    if is_missing(url):
        return ()
    try:
        storage = connect(url)
    except MissingTablesError:
        return ()
    with storage_errors(url):
        return tuple(_names(storage))


def read_study(url: str, name: str, results: Path | None = None) -> tuple[Space, StudyRecord]:
    """Read a study from the record, with its current budget; another process may be running it.

    Args:
        url: URL of the storage.
        name: name of the study.
        results: folder to which addresses of checkpoints are relative. If ``None``, they stay as on
            record.

    Raises:
        StudyError: there is no such study, or the storage is unreachable or unreadable.
    """
    storage = _connect(url, name)
    with storage_errors(url):
        study_id = _find(storage, url, name)
        study = _record(storage, study_id, name, read_trials(storage, study_id))
        return space_of(study), resolved(study, results)


class StudyStore:
    """One study's durable record, leased to this process: the recorder of a policy.

    A thread writes the record. Everything before :meth:`flush` is on disk when it returns. If a
    process is killed, the next one makes the queued decisions again, with the same result.

    Attributes:
        space: the search space, with the current budget.
        study: the record at the time of opening.
    """

    def __init__(
        self, url: str, storage: RDBStorage, study_id: int, name: str, results: Path | None
    ) -> None:
        self._storage = storage
        self._study_id = study_id
        self._results = results
        self._lease = Lease(storage, study_id, name)
        rows = read_trials(storage, study_id)
        self.study = resolved(_record(storage, study_id, name, rows), results)
        self.space = space_of(self.study)
        self._ids = {row.attributes["number"]: row.trial_id for row in rows}
        self._count = len(rows)  # of Optuna's trials
        self._queue = WriteQueue(shown(url), self._lease.renew, RENEW_SECONDS)
        open_rows = (row for row in rows if not row.state.is_finished())
        for trial in map(layout.trial_of, (row.attributes for row in open_rows)):
            if trial.outcome is not None:
                self.record_end(trial)  # the process died between the last report and the end

    @classmethod
    def create(
        cls,
        url: str,
        name: str,
        space: Space,
        tags: Mapping[str, str] | None = None,
        priors: tuple[Prior, ...] = (),
        *,
        results: Path | None = None,
    ) -> Self:
        """Create a study.

        Args:
            url: URL of the storage; a missing SQLite database is created.
            name: name of the study, new in the storage.
            space: space from :func:`~gansearch.space.parse_space`; its text goes on record.
            tags: versions, data fingerprint, location of the weights.
            priors: configurations and results of earlier studies.
            results: as for :func:`read_study`.

        Raises:
            StudyError: the name is taken, or the storage is unreachable.
        """
        file = file_of(url)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        storage = connect(url, create=True)
        study = StudyRecord(name, space.text, space.file, time.time(), tags or {}, (), priors)
        with storage_errors(url, "written"), warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            try:
                study_id = storage.create_new_study(layout.directions_of(space), name)
            except DuplicatedStudyError:
                raise StudyError(
                    f"there is a study {name!r} in {shown(url)} already: continue it with "
                    f"`{command('resume', name, results=results)}`, or choose another name"
                ) from None
            optuna.load_study(study_name=name, storage=storage).set_metric_names(
                [objective.metric for objective in space.objectives]
            )
            for key, value in layout.study_attributes(study).items():
                storage.set_study_user_attr(study_id, key, value)
            return cls(url, storage, study_id, name, results)

    @classmethod
    def open(cls, url: str, name: str, *, results: Path | None = None) -> Self:
        """Open a study for writing.

        Args:
            url: URL of the storage.
            name: name of the study.
            results: as for :func:`read_study`.

        Raises:
            StudyError: there is no such study, another process runs it, or the storage is
                unreachable, unreadable or read-only.
        """
        storage = _connect(url, name)
        with storage_errors(url, "opened for writing"):
            return cls(url, storage, _find(storage, url, name), name, results)

    def extend(self, *, trials: int | None = None, max_kimg: float | None = None) -> None:
        """Change the budget: extend it, or reduce it to an amount that is not used yet.

        With a larger ``max_kimg``, completed trials become unfinished and continue to the new
        length. If the extension is reverted, they are complete again.

        Args:
            trials: new total number of trials.
            max_kimg: new full length of a trial.

        Raises:
            StudyError: an amount is invalid, or the study has already used more; nothing changes.
        """
        budget = check_budget(self.study, trials=trials, max_kimg=max_kimg)
        tags = record_budget(self.study, budget)
        if tags != self.study.tags:
            self._queue.submit(
                partial(self._storage.set_study_user_attr, self._study_id, "tags", tags)
            )
        self.study = replace(self.study, tags=tags)
        self.space = space_of(self.study)
        self.study = replace(
            self.study, trials=tuple(map(self._fitted_to_budget, self.study.trials))
        )

    def record_trial(self, trial: TrialRecord) -> None:
        """Record a new trial."""
        self._queue.submit(partial(self._insert, trial))

    def record_report(self, trial: TrialRecord, report: Report) -> None:
        """Record a new report, or the new checkpoint address of a known one."""
        self._queue.submit(partial(self._write_report, trial, report))

    def record_end(self, trial: TrialRecord) -> None:
        """Record the end of a trial."""
        self._queue.submit(partial(self._write_end, trial))

    def record_scores(self, trial: TrialRecord) -> None:
        """Record the scores of a rescored trial, which replace earlier ones."""
        key, scores = layout.scores_attribute(trial)
        self._queue.submit(partial(self._storage.set_study_user_attr, self._study_id, key, scores))

    def flush(self) -> None:
        """Wait until all operations so far are on disk.

        Raises:
            StudyError: the storage rejects them.
        """
        self._queue.flush()

    def close(self) -> None:
        """Flush, and release the study for other processes.

        Raises:
            StudyError: the storage rejects the operations.
        """
        try:
            self._queue.close()
            self._lease.release()
        finally:
            self._storage.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            self.close()
        except StudyError:
            if error is None:  # otherwise the first error counts
                raise

    def _insert(self, trial: TrialRecord) -> None:
        kept = recorded(trial, self._results)
        self._ids[trial.number] = self._create_trial(layout.running_trial(self.space, kept))
        self._count += 1

    def _create_trial(self, template: FrozenTrial) -> int:
        with suppress(KeyError):  # it exists if this operation is a retry
            return self._storage.get_trial_id_from_study_id_trial_number(
                self._study_id, self._count
            )
        return self._storage.create_new_trial(self._study_id, template)

    def _write_report(self, trial: TrialRecord, report: Report) -> None:
        trial_id = self._ids[trial.number]
        key, value = layout.report_attribute(trial, report)
        value["checkpoint"] = relative(report.checkpoint, self._results)
        self._storage.set_trial_user_attr(trial_id, key, value)
        quality = report.metrics[self.space.quality.metric]
        self._storage.set_trial_intermediate_value(trial_id, images_of(report.kimg), quality)

    def _write_end(self, trial: TrialRecord) -> None:
        trial_id = self._ids[trial.number]
        state = layout.STATES[trial.outcome or Outcome.FAILED]
        with suppress(UpdateFinishedTrialError):  # this operation is a retry
            for key, value in layout.end_attributes(trial).items():
                self._storage.set_trial_user_attr(trial_id, key, value)
            constraints = constraint_attributes(violations(self.space, trial))
            for key, value in constraints.items():
                self._storage.set_trial_system_attr(trial_id, key, value)
            values = layout.final_values(self.space, trial)
            self._storage.set_trial_state_values(trial_id, state, values)

    def _fitted_to_budget(self, trial: TrialRecord) -> TrialRecord:
        """Return a trial as completed if it reached the current full budget, else as unfinished."""
        if trial.last is None or trial.outcome not in (None, Outcome.COMPLETED):
            return trial
        is_complete = is_full(self.space, trial.last.kimg)
        if is_complete and trial.outcome is None:
            moment = trial.last.moment
            trial = replace(trial, outcome=Outcome.COMPLETED, ended=moment)
            self.record_end(trial)
        elif not is_complete and trial.outcome is not None:
            trial = replace(trial, outcome=None, reason="", ended=None)
            self.record_trial(trial)  # Optuna does not reopen a finished trial
        return trial


def _connect(url: str, name: str) -> RDBStorage:
    if is_missing(url):
        raise StudyError(f"there is no study {name!r}: {shown(url)} does not exist")
    return connect(url)


def _record(storage: RDBStorage, study_id: int, name: str, rows: Sequence[Row]) -> StudyRecord:
    attributes = storage.get_study_user_attrs(study_id)
    if "space" not in attributes:
        raise StudyError(
            f"study {name!r} has no space on record: it is not a study of gansearch, or its "
            "creation was interrupted; start it again under another name"
        )
    return layout.study_of(name, attributes, (row.attributes for row in rows))


def _names(storage: RDBStorage) -> list[str]:
    return [s.study_name for s in storage.get_all_studies() if "space" in s.user_attrs]


def _find(storage: RDBStorage, url: str, name: str) -> int:
    try:
        return storage.get_study_id_from_name(name)
    except KeyError:
        names = ", ".join(_names(storage))
        known = f"there are {names}" if names else "there is none yet"
        raise StudyError(f"there is no study {name!r} in {shown(url)}; {known}") from None
