"""Posterior of a study's trials and of untried configurations at a moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from gansearch.pareto import non_dominated
from gansearch.record import Outcome
from gansearch.search.bayesian.gp import Doubt
from gansearch.search.bayesian.kernel import Array, Indices
from gansearch.search.bayesian.surrogate import Known, Models, Settings, Value

FIRST = -1
"""Rung of a trial without a report."""
AWAITED = 128
"""Maximum number of running trials, the newest, that count as pending points."""
SURE = 0.05
"""Maximum standard deviation of a completed trial's quality, on the model's scale."""
ALIKE = 1e-6
"""Relative difference up to which two costs are equal."""
BLUR = 0.2
"""Standard deviation added to the predicted constraint violation."""


class Belief(NamedTuple):
    """Posterior of some configurations at the full budget.

    Attributes:
        means: means of the objectives ``[N, M]``, minimised: qualities on their models' scales,
            then costs.
        deviations: their standard deviations ``[N, M]``; 0 for a known cost.
        seconds: seconds per kimg ``[N]``.
        sound: probability of feasibility ``[N]``: of neither failing nor violating a bound.
    """

    means: Array
    deviations: Array
    seconds: Array
    sound: Array

    def at(self, places: Indices) -> Belief:
        """Return the posterior of a subset."""
        return Belief(*(each[places] for each in self))


class View:
    """Posterior of a study at a moment.

    Args:
        settings: scales and kernels of the models.
        known: the observations.
        ends: outcomes of the ended trials.
        limits: bounds of the objectives ``[M]`` in their own units, qualities first.

    Attributes:
        trials: number of trials.
        curves: number Q of objectives with learning curves.
        limits: the bounds on the models' scales.
        numbers: numbers of the running trials, and of the completed ones that no other completed
            one dominates.
        belief: posterior of these trials.
        points: their predicted objectives ``[N, M]``, qualities first.
        front: indices of the non-dominated ones among them ``[F]``.
        rungs: rungs up to the last with a trial, preceded by :data:`FIRST`.
        reported: numbers of the trials with a report, in the order of their first one.
    """

    def __init__(
        self,
        settings: Settings,
        known: Known,
        ends: Mapping[int, Outcome | None],
        limits: Array,
    ) -> None:
        self._known = known
        self.trials = len(known.points)
        self._models = Models(settings, known)
        curves = self.curves = len(settings.qualities)
        scaled = self._models.scaled(limits[None, :curves])[0]
        self.limits = np.append(scaled, limits[curves:])
        self._last = known.last
        self.reported = list(self._last)
        self._rungs = np.bincount([value.rung for value in self._last.values()])
        running = [number for number in known.points if number not in ends]
        awaited = known.at(running)
        self._further = [model.further(awaited) for model in self._models.qualities]
        self._awaiting = [model.awaiting(awaited[-AWAITED:]) for model in self._models.qualities]
        self.numbers = running + self._best(ends)
        self.belief = self.of(known.at(self.numbers))
        told = [i for i, number in enumerate(self.numbers) if number in self._last]
        if told:
            values = [self._last[self.numbers[i]] for i in told]
            costs, errors = np.array([v.costs for v in values]), known.errors(values)
            self.belief.seconds[told] = costs[:, 0]
            self.belief.means[told, curves:] = costs[:, 1:]
            self.belief.deviations[told, curves:] = errors[:, 1:]
            self.belief.deviations[told, :curves] *= self._inflation(values)
        done = self.belief.deviations[len(running) :, :curves]
        np.minimum(done, SURE, out=done)
        last = (self._last.get(number) for number in self.numbers)
        self._rung = np.array([value.rung if value else FIRST for value in last])
        self._place = {number: place for place, number in enumerate(self.numbers)}
        self.points = self.belief.means
        self.rungs = range(FIRST, len(self._rungs))
        self._fronts = {rung: self._front_at(rung) for rung in self.rungs}
        self.front = self._fronts[FIRST]

    def reached(self, rung: int) -> int:
        """Return the number of trials that have reached a rung."""
        return int(self._rungs[rung:].sum())

    def __contains__(self, number: int) -> bool:
        return number in self._place

    def front_at(self, rung: int) -> Array:
        """Return the predicted front ``[F, M]`` of the trials that have reached a rung."""
        return self.points[self._fronts[rung]]

    def front_without(self, number: int, rung: int) -> Array | None:
        """Return a rung's front without one trial, or ``None`` if it is the same."""
        front = self._fronts[rung]
        place = self._place.get(number)
        if place not in front:
            return None
        others = self.points[front[front != place]]
        hidden = (self.points >= self.points[place]).all(axis=1) & (self._rung >= rung)
        hidden[front] = False
        behind = self.points[hidden]
        pairs = zip(others.T, behind.T, strict=True)
        beaten = np.logical_and.reduce([other[:, None] <= own for other, own in pairs])
        free = behind[~beaten.any(axis=0)]
        found: Array = np.vstack([others, free[non_dominated(free)]])
        return found

    def beaten_by(self, number: int, rung: int, own: Belief) -> tuple[int, float] | None:
        """Return the trial that most probably beats this one at no higher cost, and how probably.

        It beats this trial if it is better in every quality at the full budget. A cost counts as
        higher only if it exceeds the other by more than the standard error of the difference.

        Only trials that have reached the same rung count. Otherwise each trial might be stopped in
        favour of the next, whose prediction is still uncertain.

        Args:
            number: number of the trial.
            rung: its last rung.
            own: its posterior.
        """
        ahead = np.flatnonzero(self._rung >= rung)
        ahead = ahead[ahead != self._place[number]]
        gains = own.means - self.belief.means[ahead]
        spread = np.hypot(self.belief.deviations[ahead], own.deviations)
        costs = slice(self.curves, None)
        tolerated = spread[:, costs] + ALIKE * np.abs(own.means[:, costs])
        no_dearer = (gains[:, costs] >= -tolerated).all(axis=1)
        rivals = ahead[no_dearer]
        if not len(rivals):
            return None
        sure = gains[no_dearer, : self.curves] / spread[no_dearer, : self.curves]
        better = ndtr(sure).prod(axis=1)
        return self.numbers[rivals[better.argmax()]], float(better.max())

    def of(self, points: Array) -> Belief:
        """Return the posterior of configurations ``[N, D]`` without observations of their own."""
        means, deviations = zip(
            *(model.predict(points) for model in self._models.qualities), strict=True
        )
        seconds, *costs = self._models.costs(points).T
        mean, spread = self._models.misses(points)
        sound = ndtr(-mean / np.hypot(spread, BLUR))
        known = np.zeros((len(points), len(costs)))
        return Belief(
            np.column_stack([*means, *costs]), np.column_stack([*deviations, known]), seconds, sound
        )

    def doubts(self, points: Array) -> list[Doubt]:
        """Return deviations of each quality of ``[N, D]``, given the pending points."""
        return [Doubt(awaiting, points) for awaiting in self._awaiting]

    def of_trial(self, value: Value) -> Belief:
        """Return the posterior of a running trial after a further value before the full budget."""
        qualities = self._models.scaled(np.array([value.qualities]))[0]
        place = self._place[value.number]
        posterior = [
            further[value.rung].given(place, quality)
            for further, quality in zip(self._further, qualities, strict=True)
        ]
        means, deviations = np.array(posterior).T
        deviations *= self._inflation([value])[0]
        seconds, *costs = value.costs
        _, *errors = self._known.errors([value])[0]
        rows = ([*means, *costs], [*deviations, *errors], seconds, 1.0)
        return Belief(*(np.array([row], dtype=np.float64) for row in rows))

    def _inflation(self, values: Sequence[Value]) -> Array:
        """Return factors ``[N, Q]`` of the qualities' deviations, given the last values."""
        rungs = [value.rung for value in values]
        return np.array([np.append(each, 1.0)[rungs] for each in self._models.inflations]).T

    def _front_at(self, rung: int) -> Indices:
        ahead = np.flatnonzero(self._rung >= rung)
        found: Indices = ahead[non_dominated(self.points[ahead])]
        return found

    def _best(self, ends: Mapping[int, Outcome | None]) -> list[int]:
        done = [
            number
            for number, outcome in ends.items()
            if outcome is Outcome.COMPLETED and self._known.misses[number] <= 0
        ]
        if not done:
            return []
        last = (self._last[number] for number in done)
        values = np.array([(*value.qualities, *value.costs[1:]) for value in last])
        return [number for number, kept in zip(done, non_dominated(values), strict=True) if kept]
