"""What was told of a study, and the moments at which what is believed of it moves on.

What is believed is a function of what was told before a moment. So that a decision takes little
however much is known, beliefs move in steps: there is a moment whenever so much is new. And so that
they can be worked out meanwhile, they hold from a while after it on, counted in what is told too: a
resumed study comes to the same steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gansearch.metrics.catalog import METRICS
from gansearch.record import Outcome, TrialRecord
from gansearch.search.bayesian.encoding import Encoder
from gansearch.search.bayesian.gaussian import Array
from gansearch.search.bayesian.models import Known, Value
from gansearch.search.feasibility import violations
from gansearch.search.noise import at_full_budget
from gansearch.space import Space

ENOUGH = 8
"""Reports before anything is believed."""
STEP, LEAST = 16, 2
"""A moment comes after n^1.5 / STEP events where n trials run, after n / LEAST at most: the more
there are, the less one event tells."""
AHEAD = 0.5
"""Part of these events after which what is believed at a moment holds."""
GROWTH = 1.2
"""By how much what is known grows until the models' settings are fitted anew."""

RATE = "seconds_per_kimg"
"""Metric by which trials cost time; where a report has none, all cost the same."""


class Moment(NamedTuple):
    """How much had been told."""

    trials: int
    values: int
    ends: int


class Step(NamedTuple):
    """What determines a state of belief.

    Attributes:
        moment: what was told before it is known.
        fitted: what was told before this moment, the models' settings were fitted to.
    """

    moment: Moment
    fitted: Moment


class History:
    """Listens to a study, and keeps what it is told.

    What was told stays as it is, and more is added: so another thread can read up to a moment.

    Args:
        space: what is searched.

    Attributes:
        encoder: of its configurations.
        rungs: kimg ``[R]`` at which trials report, the full budget the last.
        limits: up to which the objectives are wanted ``[M]``, qualities first; infinite if any.
        genes, points: of the trials ``[G]`` and ``[D]``, in their order.
        step: whose beliefs hold; ``None`` before enough is known.
        coming: whose beliefs hold soon, if it is known already.
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
        self._due = np.inf  # news until the coming step holds
        self.step: Step | None = None
        self.coming: Step | None = None

    def add(self, trial: TrialRecord) -> None:
        """A trial was handed out."""
        genes = self.encoder.genes([trial.params])
        self._numbers.append(trial.number)
        self._configurations.append(trial.configuration)
        self.genes.append(genes[0])
        self.points.append(self.encoder.points(genes)[0])
        self._told()

    def report(self, trial: TrialRecord) -> None:
        """A trial that was added has a new report, its last one."""
        self._values.append(self.value_of(trial))
        self._told()

    def end(self, trial: TrialRecord) -> None:
        """A trial that was added came to its end."""
        self._misses.append((trial.number, _miss(violations(self._space, trial))))
        self._ends.append((trial.number, trial.outcome))
        self._told()

    def value_of(self, trial: TrialRecord) -> Value:
        """What a trial's last report tells."""
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
        """What was told by a moment, as models take it."""
        trials, values, ends = moment
        return Known(
            dict(zip(self._numbers[:trials], self.points[:trials], strict=True)),
            self._values[:values],
            dict(self._misses[:ends]),
            dict(zip(self._numbers[:trials], self._configurations[:trials], strict=True)),
        )

    def ends(self, moment: Moment) -> dict[int, Outcome | None]:
        """How the trials ended that had by a moment."""
        return dict(self._ends[: moment.ends])

    def genes_of(self, moment: Moment) -> dict[int, Array]:
        """The genes ``[G]`` of the trials that there were at a moment, by number."""
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
    """The worst violation but for being stopped, in [-1, 1]; -1 where there is nothing to miss."""
    others = [by for name, by in found.items() if name != Outcome.STOPPED.value]
    return min(max(2 * max(others, default=-1.0), -1.0), 1.0)
