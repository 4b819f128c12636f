"""What is believed of a study's trials at a moment, and of configurations that were not tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from gansearch.pareto import non_dominated
from gansearch.record import Outcome
from gansearch.search.bayesian.gaussian import Array, Doubt, Indices
from gansearch.search.bayesian.models import Known, Models, Settings, Value

FIRST = -1
"""In place of the rung of a trial that came to none yet."""
AWAITED = 128
"""Trials that run, the newest, whose ends leave less in doubt about configurations like them."""
SURE = 0.05
"""Most that a quality of a completed trial may still deviate, in the model's unit."""
ALIKE = 1e-6
"""Relative difference up to which two costs are the same."""
BLUR = 0.2
"""By how much a miss may deviate from what its model says."""


class Belief(NamedTuple):
    """What is believed of some configurations, at the full budget.

    Attributes:
        means: of the objectives ``[N, M]``, minimised: the qualities in their models' units, then
            the costs.
        deviations: standard deviations of the objectives ``[N, M]``; 0 of a cost that is known.
        seconds: for each kimg ``[N]``.
        sound: probability of neither breaking nor missing a bound ``[N]``.
    """

    means: Array
    deviations: Array
    seconds: Array
    sound: Array

    def at(self, places: Indices) -> Belief:
        """What is believed of some of them."""
        return Belief(*(each[places] for each in self))


class View:
    """What is believed at a moment.

    Args:
        settings: of the models.
        known: what was told.
        ends: outcomes of the trials that ended.
        limits: up to which the objectives are wanted ``[M]``, as measured, the qualities first.

    Attributes:
        trials: how many there were.
        curves: how many of the objectives have learning curves, Q.
        limits: in the models' units.
        numbers: of the trials that run, or are completed and that no other completed one dominates.
        belief: of these.
        points: their believed objectives ``[N, M]``, the quality first.
        front: which of them no other dominates ``[F]``.
        rungs: to which one of them came at least, :data:`FIRST` before them.
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
        """How many trials have come to a rung."""
        return int(self._rungs[rung:].sum())

    def __contains__(self, number: int) -> bool:
        return number in self._place

    def front_at(self, rung: int) -> Array:
        """The believed front ``[F, M]`` of those that came to a rung."""
        return self.points[self._fronts[rung]]

    def front_without(self, number: int, rung: int) -> Array | None:
        """That of a rung, had a trial not been; ``None`` where it is the same."""
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
        """Which other trial is most probably better at no higher cost, and how probably.

        Better is what is better in every quality at the full budget. A cost that is higher by no
        more than the standard error of the difference is not a higher one.

        Only those that came as far count: or else one after the other would be given up for the
        next, which looks better from afar.

        Args:
            number: of a trial.
            rung: that it came to.
            own: what is believed of it.
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
        """What is believed of configurations ``[N, D]`` that nothing else was told of."""
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
        """About each quality of configurations ``[N, D]``, while those of others are awaited."""
        return [Doubt(awaiting, points) for awaiting in self._awaiting]

    def of_trial(self, value: Value) -> Belief:
        """What is believed of a trial that runs, with a further value before the full budget."""
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
        """Factors ``[N, Q]`` of the deviations of qualities whose last values these are."""
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
