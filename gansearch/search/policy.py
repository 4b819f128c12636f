"""The policy of a study: the next trial, the stopping decisions, the outcome of each trial.

It is independent of Ray. Ray's searcher and scheduler are thin adaptors over one shared policy
(``search/engine/tune.py``). A simulator can drive the same policy on an event clock.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from threading import RLock

from gansearch.errors import StudyError
from gansearch.record import Ancestor, Outcome, Report, StudyRecord, TrialRecord, images_of
from gansearch.search.feasibility import is_full
from gansearch.search.method import SearchMethod
from gansearch.search.normalise import Normaliser
from gansearch.search.plan import Next, Plan
from gansearch.search.samplers.base import derive_seed
from gansearch.search.storage.recorder import NullRecorder, Recorder
from gansearch.settings import Params
from gansearch.space import Space


@dataclass(frozen=True)
class Ask:
    """A trial to run.

    Attributes:
        number: 0-based number of the trial.
        params: flat sampled parameters, including ``variant``.
        seed: seed of the trial's training.
        resume: last report of an earlier run, from whose checkpoint the trial continues; ``None``
            for a new trial.
        lineage: ancestors whose training the trial continues.
        begin: report of the last ancestor from whose checkpoint the trial started.
    """

    number: int
    params: Params
    seed: int
    resume: Report | None = None
    lineage: tuple[Ancestor, ...] = ()
    begin: Report | None = None


class Policy:
    """Makes the decisions of one study; thread-safe.

    The decisions are a function of the record. A policy made from another policy's record, at any
    moment, makes the same decisions from there on.

    Args:
        space: the search space, with the current budget.
        study: the record so far. Trials without an outcome were interrupted and continue.
        recorder: receives each step of the history before the step is taken.
        clock: returns seconds since the epoch.

    Raises:
        StudyError: the grid cannot be enumerated.
    """

    def __init__(
        self,
        space: Space,
        study: StudyRecord,
        recorder: Recorder | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._space = space
        trials = (_with_sampled(space, trial) for trial in study.trials)
        study = self._study = replace(study, trials=tuple(trials))
        self._recorder = recorder or NullRecorder()
        self._clock = clock
        self._lock = RLock()
        self._trials = {trial.number: trial for trial in study.trials}
        self._interrupted = deque(t.number for t in study.trials if t.outcome is None)
        self._awaiting_end = set(self._interrupted)  # their processes may still report an end
        method = SearchMethod(space)
        self._plan = Plan(space, study, method)
        self._stopping = method.stopping
        self._normalise = Normaliser(space, study)
        self._protocols: dict[str, str] = {}
        self._last_moment = 0.0
        self._replay()
        self._began = clock()

    def ask(self) -> Ask | None:
        """Return the next trial to run, or ``None`` while there is nothing to start.

        With replicates, there may be a trial again after another has ended. Interrupted trials of
        an earlier run come first and continue from their last report. No trial starts after the
        budget's wall clock, counted from the creation of this policy.
        """
        with self._lock:
            limit = self._space.budget.wall_clock_s
            if limit is not None and self._clock() - self._began >= limit:
                return None
            if self._interrupted:
                return self._ask_of(self._trials[self._interrupted.popleft()])
            number = len(self._trials)
            following = self._plan.next(number)
            if following is None:
                return None
            trial = self._new_trial(number, following)
            self._recorder.record_trial(trial)
            self._trials[number] = trial
            self._awaiting_end.add(number)
            self._plan.add(trial)
            return self._ask_of(trial)

    def report(self, number: int, report: Report) -> bool:
        """Take a trial's report; return ``False`` if the trial is over and its process should end.

        A continued trial may repeat a known report. It gets the same answer and changes only the
        checkpoint's address. A report of an ended trial is ignored. Times are converted to the
        study's reference kind of device. At the full budget the trial is complete. A non-finite
        value means that it diverged. It has failed if a value is missing, or if its protocol
        differs from the study's.

        Raises:
            StudyError: there is no such trial.
        """
        with self._lock:
            trial = self._trial(number)
            for known in trial.reports:
                if images_of(known.kimg) == images_of(report.kimg):
                    return self._accept_repeated(trial, known, report)
            if trial.outcome is not None:
                return False
            if images_of(report.kimg) <= images_of(trial.reached):
                return True  # repeated training
            problem = self._problem(report)
            if problem is not None:
                self._finish(replace(trial, outcome=problem[0], reason=problem[1]))
                return False
            report = replace(self._normalise(report), moment=self._moment())
            reports, tags = (*trial.reports, report), {**trial.tags, **report.tags}
            trial = replace(trial, reports=reports, tags=tags)
            decided = self._decide(trial)
            self._recorder.record_report(decided, report)
            self._plan.report(trial)
            self._update_trial(decided)
            trial = decided
            if trial.outcome == Outcome.STOPPED:
                self._finish(trial)  # its process is ended from outside and sends no end
            return trial.outcome != Outcome.STOPPED

    def tell(
        self,
        number: int,
        outcome: Outcome,
        reason: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Take the end of a trial's process.

        Decisions of :meth:`report` stand, and the first of several ends counts. A trial is
        completed only if it reported at the full budget.

        Args:
            number: number of the trial.
            outcome: how it ended.
            reason: short reason.
            tags: facts that are not metrics: device, versions, substitutes in use.

        Raises:
            StudyError: there is no such trial.
        """
        with self._lock:
            trial = self._trial(number)
            if number not in self._awaiting_end:
                return
            trial = replace(trial, tags={**trial.tags, **(tags or {})})
            if trial.outcome is None:
                if outcome == Outcome.COMPLETED:
                    reached = trial.last.kimg if trial.last else 0.0
                    full = self._space.budget.max_kimg
                    outcome = Outcome.FAILED
                    reason = f"ended with its last report at {reached:g} of {full:g} kimg"
                trial = replace(trial, outcome=outcome, reason=reason)
            self._finish(trial)

    def record(self) -> StudyRecord:
        """Return the current record of the study."""
        with self._lock:
            return replace(self._study, trials=tuple(self._trials.values()))

    def _replay(self) -> None:
        """Replay all events to the plan and the stopping rule, in their original order."""
        steps: list[tuple[float, int, Callable[[], None]]] = []
        for trial in self._study.trials:
            steps.append((trial.started, trial.number, partial(self._plan.add, trial)))
            for count, report in enumerate(trial.reports, start=1):
                self._protocols.update(report.protocols)
                then = replace(trial, reports=trial.reports[:count], outcome=None, ended=None)
                continues = trial.outcome != Outcome.STOPPED or report is not trial.last
                step = partial(self._replay_report, then, continues=continues)
                steps.append((report.moment, trial.number, step))
            if trial.ended is not None:
                steps.append((trial.ended, trial.number, partial(self._plan.end, trial)))
        for moment, _, replay in sorted(steps, key=lambda step: step[:2]):
            self._last_moment = max(self._last_moment, moment)
            replay()

    def _replay_report(self, trial: TrialRecord, *, continues: bool) -> None:
        if trial.replicates is None and not is_full(self._space, trial.reports[-1].kimg):
            self._stopping.restore(trial, continues=continues)
        self._plan.report(trial)

    def _new_trial(self, number: int, following: Next) -> TrialRecord:
        sampled, replicates, lineage, seed = following
        params = self._space.plain(sampled)
        given = self._space.seed_of(params) if seed is None else seed
        return TrialRecord(
            number,
            params,
            derive_seed(self._space, number, stream=0) if given is None else given,
            started=self._moment(),
            replicates=replicates,
            lineage=lineage,
            sampled=sampled,
        )

    def _ask_of(self, trial: TrialRecord) -> Ask:
        begin = _begin_of(trial, self._trials)
        return Ask(trial.number, trial.params, trial.seed, trial.last, trial.lineage, begin)

    def _trial(self, number: int) -> TrialRecord:
        if number not in self._trials:
            raise StudyError(f"study {self._study.name!r} has no trial {number}")
        return self._trials[number]

    def _moment(self) -> float:
        # Strictly ascending whatever the clock does: the record then gives the order of ends.
        self._last_moment = max(self._clock(), self._last_moment + 1e-6)
        return self._last_moment

    def _accept_repeated(self, trial: TrialRecord, known: Report, again: Report) -> bool:
        if trial.outcome is None and again.checkpoint not in (None, known.checkpoint):
            moved = replace(known, checkpoint=again.checkpoint)
            reports = tuple(moved if report is known else report for report in trial.reports)
            trial = replace(trial, reports=reports)
            self._recorder.record_report(trial, moved)
            self._update_trial(trial)
        return trial.outcome in (None, Outcome.COMPLETED)

    def _problem(self, report: Report) -> tuple[Outcome, str] | None:
        at = f"at {report.kimg:g} kimg"
        for name, value in report.metrics.items():
            if not math.isfinite(value):
                return Outcome.DIVERGED, f"{name} is {value} {at}"
        for bound in (*self._space.objectives, *self._space.constraints):
            if bound.metric not in report.metrics:
                return Outcome.FAILED, f"no value of {bound.metric} {at}"
        for name, protocol in report.protocols.items():
            usual = self._protocols.setdefault(name, protocol)
            if protocol != usual:
                reason = f"{name} has protocol {protocol!r}, but the study uses {usual!r}"
                return Outcome.FAILED, reason
        return None

    def _decide(self, trial: TrialRecord) -> TrialRecord:
        """Return ``trial`` with the outcome of its new report, if there is one."""
        if is_full(self._space, trial.reports[-1].kimg):
            return replace(trial, outcome=Outcome.COMPLETED, ended=self._moment())
        # Replicates are not stopped: the mean of only the surviving ones would be biased.
        reason = None if trial.replicates is not None else self._stopping.reason_to_stop(trial)
        if reason is None:
            return trial
        return replace(trial, outcome=Outcome.STOPPED, reason=reason, ended=self._moment())

    def _finish(self, trial: TrialRecord) -> None:
        if trial.ended is None:
            trial = replace(trial, ended=self._moment())
        self._recorder.record_end(trial)
        self._awaiting_end.discard(trial.number)
        self._update_trial(trial)

    def _update_trial(self, trial: TrialRecord) -> None:
        if trial.outcome is not None and self._trials[trial.number].outcome is None:
            self._plan.end(trial)
        self._trials[trial.number] = trial


def _with_sampled(space: Space, trial: TrialRecord) -> TrialRecord:
    """Add the sampled names to a trial of an earlier version's record."""
    return trial if trial.sampled else replace(trial, sampled=space.sampled(trial.params))


def _begin_of(trial: TrialRecord, trials: Mapping[int, TrialRecord]) -> Report | None:
    """Return the parent's report whose checkpoint a trial starts from, or ``None``.

    It is ``None`` without a parent, and for a replicate of a child, which trains from scratch with
    a seed of its own.
    """
    if not trial.lineage or trial.replicates is not None:
        return None
    parent, images = trials[trial.lineage[-1].number], images_of(trial.lineage[-1].kimg)
    return next(report for report in parent.reports if images_of(report.kimg) == images)
