"""Observations of a study, and the steps at which the surrogates are updated.

The surrogates are a function of the observations before a moment. They are updated in steps, so
that a decision is cheap however many observations there are. A step comes after enough new events.
It becomes effective some events later, so that a thread can compute it meanwhile. Both delays count
events, so a resumed study has the same steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gansearch.metrics.catalog import METRICS
from gansearch.record import Outcome, TrialRecord
from gansearch.search.bayesian.encoding import Encoder
from gansearch.search.bayesian.kernel import Array
from gansearch.search.bayesian.surrogate import Known, Value
from gansearch.search.feasibility import violations
from gansearch.search.noise import at_full_budget
from gansearch.space import Space

ENOUGH = 8
"""Reports before the first surrogates."""
STEP, LEAST = 16, 2
"""A step comes after n^1.5 / STEP events with n running trials, but at most n / LEAST: with many
trials, a single event is less informative."""
AHEAD = 0.5
"""Share of these events after which a step becomes effective."""
GROWTH = 1.2
"""Growth factor of the number of values before hyperparameters are fitted again."""

RATE = "seconds_per_kimg"
"""Metric of a trial's time; without it in a report, all times are equal."""


class Moment(NamedTuple):
    """Number of observations of each kind at some time."""

    trials: int
    values: int
    ends: int


class Step(NamedTuple):
    """Determines the state of the surrogates.

    Attributes:
        moment: the surrogates are conditioned on the observations before it.
        fitted: hyperparameters are fitted to the observations before it.
    """

    moment: Moment
    fitted: Moment


class History:
    """Stores the observations of a study.

    It only appends, so another thread can read up to a moment.

    Args:
        space: the search space.

    Attributes:
        encoder: encoder of its configurations.
        rungs: kimg ``[R]`` of the reports; the last is the full budget.
        limits: bounds of the objectives ``[M]``, qualities first; infinite without a bound.
        genes, points: encoded vectors ``[G]`` and points ``[D]`` of the trials, in their order.
        step: the effective step; ``None`` before enough observations.
        coming: the next step, or ``None`` if it is not determined yet.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self.encoder = Encoder(space)
        ordered = sorted(space.objectives, key=lambda o: METRICS[o.metric].kind != "quality")
        self._ordered = ordered
        self._curves = sum(METRICS[o.metric].kind == "quality" for o in ordered)
        self.rungs = np.array([*space.budget.rungs, space.budget.max_kimg])
        bounds = (o.max if o.direction == "minimize" else o.min for o in ordered)
        signed = zip(ordered, bounds, strict=True)
        self.limits = np.array(
            [np.inf if bound is None else o.minimised(bound) for o, bound in signed]
        )
        self._numbers: list[int] = []
        self._configurations: list[str] = []
        self.genes: list[Array] = []
        self.points: list[Array] = []
        self._values: list[Value] = []
        self._ends: list[tuple[int, Outcome | None]] = []
        self._misses: list[tuple[int, float]] = []
        self._news = 0
        self._due = np.inf  # new events until the coming step is effective
        self.step: Step | None = None
        self.coming: Step | None = None

    def add(self, trial: TrialRecord) -> None:
        """Add a trial that was handed out."""
        genes = self.encoder.genes([trial.sampled])
        self._numbers.append(trial.number)
        self._configurations.append(trial.configuration)
        self.genes.append(genes[0])
        self.points.append(self.encoder.points(genes)[0])
        self._told()

    def report(self, trial: TrialRecord) -> None:
        """Take the last report of an added trial, which is new."""
        self._values.append(self.value_of(trial))
        self._told()

    def end(self, trial: TrialRecord) -> None:
        """Take the end of an added trial."""
        self._misses.append((trial.number, _miss(violations(self._space, trial))))
        self._ends.append((trial.number, trial.outcome))
        self._told()

    def value_of(self, trial: TrialRecord) -> Value:
        """Convert a trial's last report to a value."""
        report, full = trial.reports[-1], float(self.rungs[-1])
        told = [(o, *at_full_budget(report, o.metric, full)) for o in self._ordered]
        values = [objective.minimised(value) for objective, value, _ in told]
        errors = [error for *_, error in told]
        rung = int(np.searchsorted(self.rungs * (1 - 1e-9), report.kimg, side="right")) - 1
        seconds = at_full_budget(report, RATE, full) if RATE in report.metrics else (1.0, 0.0)
        return Value(
            trial.number,
            max(0, rung),
            tuple(values[: self._curves]),
            (seconds[0], *values[self._curves :]),
            (seconds[1], *errors[self._curves :]),
        )

    def known(self, moment: Moment) -> Known:
        """Return the observations before a moment, as input of the models."""
        trials, values, ends = moment
        return Known(
            dict(zip(self._numbers[:trials], self.points[:trials], strict=True)),
            self._values[:values],
            dict(self._misses[:ends]),
            dict(zip(self._numbers[:trials], self._configurations[:trials], strict=True)),
        )

    def ends(self, moment: Moment) -> dict[int, Outcome | None]:
        """Return the outcomes of the trials that ended before a moment, by number."""
        return dict(self._ends[: moment.ends])

    def genes_of(self, moment: Moment) -> dict[int, Array]:
        """Return the encoded vectors ``[G]`` of the trials before a moment, by number."""
        return dict(zip(self._numbers[: moment.trials], self.genes[: moment.trials], strict=True))

    def _told(self) -> None:
        self._news += 1
        if self._news >= self._due:
            self.step, self.coming, self._due = self.coming, None, np.inf
        running = len(self.points) - len(self._ends)
        apart = min(running**1.5 / STEP, running / LEAST)
        if len(self._values) < ENOUGH or self._news < apart:
            return
        moment = Moment(len(self.points), len(self._values), len(self._ends))
        last = self.coming or self.step
        grown = last is None or moment.values >= GROWTH * last.fitted.values
        step = Step(moment, moment if grown or last is None else last.fitted)
        self._news, self._due = 0, int(AHEAD * apart)
        if self._due:
            self.step, self.coming = self.coming or self.step, step
        else:
            self.step, self.coming, self._due = step, None, np.inf


def _miss(found: Mapping[str, float]) -> float:
    """Return twice the largest violation other than that of being stopped, clipped to [-1, 1]."""
    others = [by for name, by in found.items() if name != Outcome.STOPPED.value]
    return min(max(2 * max(others, default=-1.0), -1.0), 1.0)
