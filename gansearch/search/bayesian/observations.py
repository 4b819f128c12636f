"""Observations of a study, and the points at which the surrogates are updated.

The surrogates are a function of a study's first observations. They are updated after enough new
events, so that a decision is cheap however many observations there are. An update takes effect some
events later, so that a thread can compute it meanwhile. Both delays count events, so a resumed
study has the same updates.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from gansearch.metrics.catalog import METRICS
from gansearch.record import Outcome, TrialRecord, images_of
from gansearch.search.bayesian.encoding import Encoder
from gansearch.search.bayesian.kernel import Array
from gansearch.search.feasibility import violations
from gansearch.search.noise import at_full_budget, relative_scatter, standard_errors
from gansearch.space import Space

MIN_REPORTS = 8
"""Number of reports before the first surrogates. Until then, trials are papers' defaults and random
configurations, and none is stopped."""
POWER_DIVISOR = 16
"""With n running trials, an update follows n^1.5 / POWER_DIVISOR new events: among many trials, a
single event is less informative."""
LINEAR_DIVISOR = 2
"""With n running trials, an update follows at most n / LINEAR_DIVISOR new events."""
DELAY = 0.5
"""Fraction of the events between two updates after which an update takes effect, so that a thread
has time to compute it."""
REFIT_GROWTH = 1.2
"""Growth factor of the number of reports after which hyperparameters are fitted again."""

TIME_METRIC = "seconds_per_kimg"
"""Metric of a trial's time; without it in a report, all times are equal."""


class Observation(NamedTuple):
    """Observation of one report.

    Attributes:
        number: number of the trial.
        rung: index of the rung, from 0; the last is the full budget.
        qualities: objectives with learning curves, Q >= 1, minimised.
        costs: seconds per kimg, then the other objectives at the full budget, minimised; C values.
        errors: measured standard errors of the costs; 0 if unknown.
    """

    number: int
    rung: int
    qualities: tuple[float, ...]
    costs: tuple[float, ...]
    errors: tuple[float, ...]


def qualities_of(reports: Sequence[Observation]) -> Array:
    """Return the qualities ``[N, Q]`` of observed reports."""
    return np.array([report.qualities for report in reports])


def costs_of(reports: Sequence[Observation]) -> Array:
    """Return the costs ``[N, C]`` of observed reports."""
    return np.array([report.costs for report in reports])


@dataclass(frozen=True)
class Snapshot:
    """The first observations of a study, as input of the surrogates.

    Attributes:
        inputs: kernel inputs ``[D]`` of all trials, by number.
        reports: observed reports in the order of their times.
        violations: constraint violation of each ended trial, in [-1, 1]; above 0 is infeasible.
        configurations: configurations of all trials, by number; equal ones differ at most in their
            seeds.
    """

    inputs: Mapping[int, Array]
    reports: Sequence[Observation]
    violations: Mapping[int, float]
    configurations: Mapping[int, str]

    @cached_property
    def last(self) -> dict[int, Observation]:
        """The last observed report of each trial, by number."""
        return {report.number: report for report in self.reports}

    @cached_property
    def scatter(self) -> Array:
        """Relative scatter of each cost ``[C]`` between trainings of one configuration."""
        last = list(self.last.values())
        return relative_scatter(costs_of(last), [self.configurations[r.number] for r in last])

    def errors(self, reports: Sequence[Observation]) -> Array:
        """Return standard errors ``[N, C]`` of the costs."""
        measured = np.array([report.errors for report in reports])
        return standard_errors(costs_of(reports), measured, self.scatter)

    def inputs_of(self, numbers: Sequence[int]) -> Array:
        """Return the kernel inputs ``[N, D]`` of some trials."""
        width = len(next(iter(self.inputs.values())))
        return np.array([self.inputs[number] for number in numbers]).reshape(-1, width)


class Counts(NamedTuple):
    """Numbers of observations of each kind up to some time."""

    trials: int
    reports: int
    ends: int


class SurrogateVersion(NamedTuple):
    """Determines the state of the surrogates.

    Attributes:
        conditioned: the surrogates are conditioned on so many observations, the first ones.
        fitted: hyperparameters are fitted to so many observations, the first ones.
    """

    conditioned: Counts
    fitted: Counts


class Observations:
    """Stores the observations of a study.

    It only appends, so another thread can read the first observations at any time.

    Args:
        space: the search space.

    Attributes:
        encoder: encoder of its configurations.
        rungs: kimg ``[R]`` of the reports; the last is the full budget.
        limits: bounds of the objectives ``[M]``, qualities first; infinite without a bound.
        encoded: encoded vectors ``[G]`` of the trials, in their order.
        inputs: kernel inputs ``[D]`` of the trials, in their order.
        version: effective version of the surrogates; ``None`` before enough observations.
        next_version: the next version, or ``None`` if it is not determined yet.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self.encoder = Encoder(space)
        ordered = sorted(space.objectives, key=lambda o: METRICS[o.metric].kind != "quality")
        self._ordered = ordered
        self._quality_count = sum(METRICS[o.metric].kind == "quality" for o in ordered)
        self.rungs = np.array([*space.budget.rungs, space.budget.max_kimg])
        bounds = (o.max if o.direction == "minimize" else o.min for o in ordered)
        bounded = zip(ordered, bounds, strict=True)
        self.limits = np.array(
            [np.inf if bound is None else o.minimised(bound) for o, bound in bounded]
        )
        self._numbers: list[int] = []
        self._configurations: list[str] = []
        self.encoded: list[Array] = []
        self.inputs: list[Array] = []
        self._reports: list[Observation] = []
        self._ends: list[tuple[int, Outcome | None]] = []
        self._violations: list[tuple[int, float]] = []
        self._new_events = 0
        self._events_until_next = np.inf
        self.version: SurrogateVersion | None = None
        self.next_version: SurrogateVersion | None = None

    def add(self, trial: TrialRecord) -> None:
        """Observe a trial that was put on record."""
        encoded = self.encoder.encode([trial.sampled])
        self._numbers.append(trial.number)
        self._configurations.append(trial.configuration)
        self.encoded.append(encoded[0])
        self.inputs.append(self.encoder.kernel_inputs(encoded)[0])
        self._count_event()

    def report(self, trial: TrialRecord) -> None:
        """Take the last report of an added trial, which is new."""
        self._reports.append(self.observe(trial))
        self._count_event()

    def end(self, trial: TrialRecord) -> None:
        """Take the end of an added trial."""
        self._violations.append((trial.number, _worst(violations(self._space, trial))))
        self._ends.append((trial.number, trial.outcome))
        self._count_event()

    def observe(self, trial: TrialRecord) -> Observation:
        """Convert a trial's last report to an observation."""
        report, full = trial.reports[-1], float(self.rungs[-1])
        measured = [(o, *at_full_budget(report, o.metric, full)) for o in self._ordered]
        values = [objective.minimised(value) for objective, value, _ in measured]
        errors = [error for *_, error in measured]
        rung = bisect_right(self.rungs, images_of(report.kimg), key=images_of) - 1
        has_time = TIME_METRIC in report.metrics
        seconds, error = at_full_budget(report, TIME_METRIC, full) if has_time else (1.0, 0.0)
        return Observation(
            trial.number,
            max(0, rung),
            tuple(values[: self._quality_count]),
            (seconds, *values[self._quality_count :]),
            (error, *errors[self._quality_count :]),
        )

    def snapshot(self, counts: Counts) -> Snapshot:
        """Return the first observations."""
        trials, reports, ends = counts
        return Snapshot(
            dict(zip(self._numbers[:trials], self.inputs[:trials], strict=True)),
            self._reports[:reports],
            dict(self._violations[:ends]),
            dict(zip(self._numbers[:trials], self._configurations[:trials], strict=True)),
        )

    def outcomes(self, counts: Counts) -> dict[int, Outcome | None]:
        """Return the outcomes of the first trials that ended, by number."""
        return dict(self._ends[: counts.ends])

    def encoded_by_number(self, counts: Counts) -> dict[int, Array]:
        """Return the encoded vectors ``[G]`` of the first trials, by number."""
        numbers, encoded = self._numbers[: counts.trials], self.encoded[: counts.trials]
        return dict(zip(numbers, encoded, strict=True))

    def _count_event(self) -> None:
        """Count a new event, and update the versions if enough have occurred."""
        self._new_events += 1
        if self._new_events >= self._events_until_next:
            self.version, self.next_version = self.next_version, None
            self._events_until_next = np.inf
        running = len(self.inputs) - len(self._ends)
        interval = min(running**1.5 / POWER_DIVISOR, running / LINEAR_DIVISOR)
        if len(self._reports) < MIN_REPORTS or self._new_events < interval:
            return
        counts = Counts(len(self.inputs), len(self._reports), len(self._ends))
        last = self.next_version or self.version
        is_refit = last is None or counts.reports >= REFIT_GROWTH * last.fitted.reports
        version = SurrogateVersion(counts, counts if is_refit or last is None else last.fitted)
        self._new_events, self._events_until_next = 0, int(DELAY * interval)
        if self._events_until_next:
            self.version, self.next_version = self.next_version or self.version, version
        else:
            self.version, self.next_version, self._events_until_next = version, None, np.inf


def _worst(found: Mapping[str, float]) -> float:
    """Return twice the largest violation other than that of being stopped, clipped to [-1, 1]."""
    others = [by for name, by in found.items() if name != Outcome.STOPPED.value]
    return min(max(2 * max(others, default=-1.0), -1.0), 1.0)
