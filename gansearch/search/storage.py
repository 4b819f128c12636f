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
from gansearch.record import Outcome, Prior, Report, StudyRecord, TrialRecord
from gansearch.search import layout
from gansearch.search.addresses import recorded, relative, resolved
from gansearch.search.budget import check_budget, record_budget, space_of
from gansearch.search.database import (
    NoTables,
    Row,
    connect,
    file_of,
    is_missing,
    read_trials,
    show,
    storage_errors,
)
from gansearch.search.feasibility import constraint_attributes, is_full, violations
from gansearch.search.lease import RENEW_SECONDS, Lease
from gansearch.search.writer import Writer
from gansearch.space import Space
from gansearch.urls import sqlite_url

__all__ = ["StudyStore", "read_study", "sqlite_url", "study_names"]


def study_names(url: str) -> tuple[str, ...]:
    """The names of the studies in a storage, oldest first; none where there is no database yet.

    Raises:
        StudyError: the storage cannot be reached, or cannot be read.
    """
    if is_missing(url):
        return ()
    try:
        storage = connect(url)
    except NoTables:
        return ()
    with storage_errors(url):
        return tuple(_names(storage))


def read_study(url: str, name: str, results: Path | None = None) -> tuple[Space, StudyRecord]:
    """A study as it is on record, with the budget that holds now, while another process runs it.

    Args:
        url: of the storage.
        name: of the study.
        results: folder that addresses of checkpoints are relative to; without it they are left as
            they are on record.

    Raises:
        StudyError: there is no such study, or the storage cannot be reached or read.
    """
    storage = _connect(url, name)
    with storage_errors(url):
        study_id = _find(storage, url, name)
        study = _record(storage, study_id, name, read_trials(storage, study_id))
        return space_of(study), resolved(study, results)


class StudyStore:
    """One study's durable record, held by this process alone: a policy's recorder.

    Writing is done by a thread of its own. What :meth:`flush` has returned after is on disk; what
    was in the queue when a process is killed is decided again, in the same way, by the next one.

    Attributes:
        space: what is searched, with the budget that holds now.
        study: the record as it was when opened.
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
        self._writer = Writer(show(url), self._lease.renew, RENEW_SECONDS)
        open_rows = (row for row in rows if not row.state.is_finished())
        for trial in map(layout.trial_of, (row.attributes for row in open_rows)):
            if trial.outcome is not None:
                self.ended(trial)  # cut off between its last report and its end

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
        """Begin a study.

        Args:
            url: of the storage; a SQLite database is made if it is missing.
            name: of the study, new in the storage.
            space: as :func:`~gansearch.space.parse_space` read it; its text goes on record.
            tags: versions, data fingerprint, where weights are kept.
            priors: what is taken from earlier studies.
            results: as of :func:`read_study`.

        Raises:
            StudyError: the name is taken, or the storage cannot be reached.
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
                    f"there is a study {name!r} in {show(url)} already: continue it with "
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
        """Take a study over as it is on record.

        Args:
            url: of the storage.
            name: of the study.
            results: as of :func:`read_study`.

        Raises:
            StudyError: there is no such study, another process runs it, or the storage cannot be
                reached, read or written.
        """
        storage = _connect(url, name)
        with storage_errors(url, "opened for writing"):
            return cls(url, storage, _find(storage, url, name), name, results)

    def extend(self, *, trials: int | None = None, max_kimg: float | None = None) -> None:
        """Change the budget: more trials or longer ones, or back to less if nothing used it.

        With longer ones, those that were completed become unfinished and go on to the new length;
        where that is taken back, they are completed again.

        Args:
            trials: new budget of trials, all told.
            max_kimg: new full length of a trial.

        Raises:
            StudyError: the amount is none, or the study has used more already; nothing is changed.
        """
        budget = check_budget(self.study, trials=trials, max_kimg=max_kimg)
        tags = record_budget(self.study, budget)
        if tags != self.study.tags:
            self._writer.submit(
                partial(self._storage.set_study_user_attr, self._study_id, "tags", tags)
            )
        self.study = replace(self.study, tags=tags)
        self.space = space_of(self.study)
        self.study = replace(self.study, trials=tuple(map(self._continued, self.study.trials)))

    def asked(self, trial: TrialRecord) -> None:
        """A new trial was handed out."""
        self._writer.submit(partial(self._insert, trial))

    def reported(self, trial: TrialRecord, report: Report) -> None:
        """A report was taken, or came again with its checkpoint at another place."""
        self._writer.submit(partial(self._write_report, trial, report))

    def ended(self, trial: TrialRecord) -> None:
        """A trial came to its end."""
        self._writer.submit(partial(self._write_end, trial))

    def scored(self, trial: TrialRecord) -> None:
        """A trial's weights were scored again; what it scored before is forgotten."""
        key, scores = layout.scores_attribute(trial)
        self._writer.submit(partial(self._storage.set_study_user_attr, self._study_id, key, scores))

    def flush(self) -> None:
        """Wait until everything so far is on disk.

        Raises:
            StudyError: the storage does not take it.
        """
        self._writer.flush()

    def close(self) -> None:
        """Flush, and let another process have the study.

        Raises:
            StudyError: the storage does not take it.
        """
        try:
            self._writer.close()
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
            if error is None:  # else the first one counts
                raise

    def _insert(self, trial: TrialRecord) -> None:
        kept = recorded(trial, self._results)
        self._ids[trial.number] = self._nth_trial(layout.running_trial(self.space, kept))
        self._count += 1

    def _nth_trial(self, template: FrozenTrial) -> int:
        with suppress(KeyError):  # there, if this is done again after its answer was lost
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
        self._storage.set_trial_intermediate_value(trial_id, layout.step_of(report), quality)

    def _write_end(self, trial: TrialRecord) -> None:
        trial_id = self._ids[trial.number]
        state = layout.STATES[trial.outcome or Outcome.FAILED]
        with suppress(UpdateFinishedTrialError):  # done already, and its answer was lost
            for key, value in layout.end_attributes(trial).items():
                self._storage.set_trial_user_attr(trial_id, key, value)
            constraints = constraint_attributes(violations(self.space, trial))
            for key, value in constraints.items():
                self._storage.set_trial_system_attr(trial_id, key, value)
            values = layout.final_values(self.space, trial)
            self._storage.set_trial_state_values(trial_id, state, values)

    def _continued(self, trial: TrialRecord) -> TrialRecord:
        """A trial within the budget that holds now: unfinished if it is short of it."""
        if trial.last is None or trial.outcome not in (None, Outcome.COMPLETED):
            return trial
        is_complete = is_full(self.space, trial.last.kimg)
        if is_complete and trial.outcome is None:
            moment = trial.last.moment
            trial = replace(trial, outcome=Outcome.COMPLETED, ended=moment)
            self.ended(trial)
        elif not is_complete and trial.outcome is not None:
            trial = replace(trial, outcome=None, reason="", ended=None)
            self.asked(trial)  # Optuna does not open a finished trial again
        return trial


def _connect(url: str, name: str) -> RDBStorage:
    if is_missing(url):
        raise StudyError(f"there is no study {name!r}: {show(url)} does not exist")
    return connect(url)


def _record(storage: RDBStorage, study_id: int, name: str, rows: Sequence[Row]) -> StudyRecord:
    attributes = storage.get_study_user_attrs(study_id)
    if "space" not in attributes:
        raise StudyError(
            f"study {name!r} has no space on record: it is not gansearch's, or it was cut off "
            "while it was created; start it again under another name"
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
        raise StudyError(f"there is no study {name!r} in {show(url)}; {known}") from None
