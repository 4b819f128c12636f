"""The durable record of studies, in Optuna's storage."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self

import optuna
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial

from gansearch.errors import StudyError
from gansearch.record import Outcome, Prior, Report, StudyRecord, TrialRecord
from gansearch.search import layout
from gansearch.search.database import (
    Row,
    connect,
    is_missing,
    read_trials,
    show,
    sqlite_file,
    sqlite_url,
)
from gansearch.search.feasibility import constraint_attributes, is_full, violations
from gansearch.search.lease import RENEW_SECONDS, Lease
from gansearch.search.writer import Writer
from gansearch.space import Space, parse_space

__all__ = ["StudyStore", "read_study", "sqlite_url", "study_names"]


def study_names(url: str) -> tuple[str, ...]:
    """The names of the studies in a storage, oldest first; none where there is no database yet.

    Raises:
        StudyError: the storage cannot be reached.
    """
    if is_missing(url):
        return ()
    studies = connect(url).get_all_studies()
    return tuple(study.study_name for study in studies if "space" in study.user_attrs)


def read_study(url: str, name: str) -> tuple[Space, StudyRecord]:
    """A study as it is on record, with the budget that holds now, while another process runs it.

    Raises:
        StudyError: there is no such study, or the storage cannot be reached.
    """
    if is_missing(url):
        raise StudyError(f"there is no study {name!r}: {show(url)} does not exist")
    storage = connect(url)
    study_id = _find(storage, name)
    study = _record(storage, study_id, name, read_trials(storage, study_id))
    return _space_of(study), study


class StudyStore:
    """One study's durable record, held by this process alone: a policy's recorder.

    Writing is done by a thread of its own. What :meth:`flush` has returned after is on disk; what
    was in the queue when a process is killed is decided again, in the same way, by the next one.

    Attributes:
        space: what is searched, with the budget that holds now.
        study: the record as it was when opened.
    """

    def __init__(self, storage: RDBStorage, study_id: int, name: str) -> None:
        self._storage = storage
        self._study_id = study_id
        self._lease = Lease(storage, study_id, name)
        rows = read_trials(storage, study_id)
        self.study = _record(storage, study_id, name, rows)
        self.space = _space_of(self.study)
        self._ids = {row.attributes["number"]: row.trial_id for row in rows}
        self._count = len(rows)  # of Optuna's trials
        place = storage.engine.url.render_as_string(hide_password=True)
        self._writer = Writer(place, self._lease.renew, RENEW_SECONDS)
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
    ) -> Self:
        """Begin a study.

        Args:
            url: of the storage; a SQLite database is made if it is missing.
            name: of the study, new in the storage.
            space: as :func:`~gansearch.space.parse_space` read it; its text goes on record.
            tags: versions, data fingerprint, where weights are kept.
            priors: what is taken from earlier studies.

        Raises:
            StudyError: the name is taken, or the storage cannot be reached.
        """
        file = sqlite_file(url)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        storage = connect(url)
        try:
            study_id = storage.create_new_study(layout.directions_of(space), name)
        except DuplicatedStudyError:
            raise StudyError(
                f"there is a study {name!r} in {show(url)} already: continue it with "
                f"`gansearch resume {name}`, or choose another name"
            ) from None
        study = StudyRecord(name, space.text, space.file, time.time(), tags or {}, (), priors)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            optuna.load_study(study_name=name, storage=storage).set_metric_names(
                [objective.metric for objective in space.objectives]
            )
        for key, value in layout.study_attributes(study).items():
            storage.set_study_user_attr(study_id, key, value)
        return cls(storage, study_id, name)

    @classmethod
    def open(
        cls, url: str, name: str, *, trials: int | None = None, max_kimg: float | None = None
    ) -> Self:
        """Continue a study, with more trials or longer ones if asked.

        With longer ones, those that were completed become unfinished and go on to the new length.

        Args:
            url: of the storage.
            name: of the study.
            trials: new budget of trials, all told.
            max_kimg: new full length of a trial.

        Raises:
            StudyError: there is no such study, another process runs it, the budget asked for is
                less than the study has, or the storage cannot be reached.
        """
        if is_missing(url):
            raise StudyError(f"there is no study {name!r}: {show(url)} does not exist")
        storage = connect(url)
        store = cls(storage, _find(storage, name), name)
        try:
            store._extend({"trials": trials, "max_kimg": max_kimg})
        except BaseException:
            store.close()
            raise
        return store

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
        self._ids[trial.number] = self._nth_trial(layout.running_trial(self.space, trial))
        self._count += 1

    def _nth_trial(self, template: FrozenTrial) -> int:
        with suppress(KeyError):  # there, if this is done again after its answer was lost
            return self._storage.get_trial_id_from_study_id_trial_number(
                self._study_id, self._count
            )
        return self._storage.create_new_trial(self._study_id, template)

    def _write_report(self, trial: TrialRecord, report: Report) -> None:
        trial_id = self._ids[trial.number]
        self._storage.set_trial_user_attr(trial_id, *layout.report_attribute(trial, report))
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

    def _extend(self, asked: Mapping[str, float | None]) -> None:
        tags = dict(self.study.tags)
        for key, amount in asked.items():
            has = getattr(self.space.budget, key)
            if amount is not None and amount < has:
                raise StudyError(
                    f"study {self.study.name!r} has {key} {has:g}, of which a resumed study can "
                    f"have more, not less (got {amount:g})"
                )
            if amount is not None:
                tags[f"budget.{key}"] = f"{amount}"
        self._storage.set_study_user_attr(self._study_id, "tags", tags)
        self.study = replace(self.study, tags=tags)
        self.space = _space_of(self.study)
        self.study = replace(self.study, trials=tuple(map(self._continued, self.study.trials)))

    def _continued(self, trial: TrialRecord) -> TrialRecord:
        if trial.outcome != Outcome.COMPLETED or trial.last is None:
            return trial
        if is_full(self.space, trial.last.kimg):
            return trial
        trial = replace(trial, outcome=None, reason="", ended=None)
        self.asked(trial)  # Optuna does not open a finished trial again
        return trial


def _record(storage: RDBStorage, study_id: int, name: str, rows: Sequence[Row]) -> StudyRecord:
    attributes = storage.get_study_user_attrs(study_id)
    if "space" not in attributes:
        raise StudyError(
            f"study {name!r} has no space on record: it is not gansearch's, or it was cut off "
            "while it was created; start it again under another name"
        )
    return layout.study_of(name, attributes, (row.attributes for row in rows))


def _space_of(study: StudyRecord) -> Space:
    """The space of a study, with what it was given since it was submitted."""
    space = parse_space(study.space_yaml, study.space_file)
    given: dict[str, Callable[[str], float]] = {"trials": int, "max_kimg": float}
    update = {
        key: number(study.tags[f"budget.{key}"])
        for key, number in given.items()
        if f"budget.{key}" in study.tags
    }
    return space.model_copy(update={"budget": space.budget.model_copy(update=update)})


def _find(storage: RDBStorage, name: str) -> int:
    try:
        return storage.get_study_id_from_name(name)
    except KeyError:
        names = [s.study_name for s in storage.get_all_studies() if "space" in s.user_attrs]
        known = f"there are {', '.join(names)}" if names else "there is none yet"
        raise StudyError(
            f"there is no study {name!r} in {show(str(storage.engine.url))}; {known}"
        ) from None
