"""What is believed of a study's trials at a moment, and of configurations that were not tried."""

from __future__ import annotations

from collections.abc import Mapping
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
"""Most that the quality of a completed trial may still deviate, in the model's unit."""
BLUR = 0.2
"""By how much a miss may deviate from what its model says."""


class Belief(NamedTuple):
    """What is believed of some configurations, at the full budget.

    Attributes:
        quality: means ``[N]``, in the model's unit, minimised.
        deviation: standard deviations of the quality ``[N]``.
        costs: the objectives beside the quality ``[N, M - 1]``, minimised.
        seconds: for each kimg ``[N]``.
        sound: probability of neither breaking nor missing a bound ``[N]``.
    """

    quality: Array
    deviation: Array
    costs: Array
    seconds: Array
    sound: Array

    @property
    def points(self) -> Array:
        """The objectives ``[N, M]``, the quality first."""
        return np.column_stack([self.quality, self.costs])

    def at(self, places: Indices) -> Belief:
        """What is believed of some of them."""
        return Belief(*(each[places] for each in self))


class View:
    """What is believed at a moment.

    Args:
        settings: of the models.
        known: what was told.
        ends: outcomes of the trials that ended.
        limits: up to which the objectives are wanted ``[M]``, as measured, the quality first.

    Attributes:
        trials: how many there were.
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
        self.limits = np.append(self._models.scale(limits[:1]), limits[1:])
        self._last = known.last
        self.reported = list(self._last)
        self._rungs = np.bincount([value.rung for value in self._last.values()])
        running = [number for number in known.points if number not in ends]
        awaited = known.at(running)
        self._further = self._models.quality.further(awaited)
        self._awaiting = self._models.quality.awaiting(awaited[-AWAITED:])
        self.numbers = running + self._best(ends)
        self.belief = self.of(known.at(self.numbers))
        for i, number in enumerate(self.numbers):
            if number in self._last:
                self.belief.seconds[i] = self._last[number].seconds
                self.belief.costs[i] = self._last[number].costs
        self.belief.deviation[len(running) :] = np.minimum(
            self.belief.deviation[len(running) :], SURE
        )
        last = (self._last.get(number) for number in self.numbers)
        self._rung = np.array([value.rung if value else FIRST for value in last])
        self._place = {number: place for place, number in enumerate(self.numbers)}
        self.points = self.belief.points
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

        Only those that came as far count: or else one after the other would be given up for the
        next, which looks better from afar.

        Args:
            number: of a trial.
            rung: that it came to.
            own: what is believed of it.
        """
        cheaper = (self.belief.costs <= own.costs * (1 + 1e-6)).all(axis=1)
        rivals = np.flatnonzero(cheaper & (self._rung >= rung))
        rivals = rivals[rivals != self._place[number]]
        if not len(rivals):
            return None
        spread = np.hypot(self.belief.deviation[rivals], own.deviation)
        better = ndtr((own.quality - self.belief.quality[rivals]) / spread)
        return self.numbers[rivals[better.argmax()]], float(better.max())

    def of(self, points: Array) -> Belief:
        """What is believed of configurations ``[N, D]`` that nothing else was told of."""
        quality, deviation = self._models.quality.predict(points)
        seconds, *costs = self._models.costs(points).T
        mean, spread = self._models.misses(points)
        sound = ndtr(-mean / np.hypot(spread, BLUR))
        others = np.array(costs).reshape(len(costs), len(points)).T
        return Belief(quality, deviation, others, seconds, sound)

    def doubt(self, points: Array) -> Doubt:
        """About the qualities of configurations ``[N, D]``, while those of others are awaited."""
        return Doubt(self._awaiting, points)

    def of_trial(self, value: Value) -> Belief:
        """What is believed of a trial that runs, with a further value before the full budget."""
        quality = float(self._models.scale(np.array([value.quality]))[0])
        further = self._further[value.rung]
        mean, deviation = further.given(self._place[value.number], quality)
        columns = ([mean], [deviation], [value.costs], [value.seconds], [1.0])
        return Belief(*(np.array(column, dtype=np.float64) for column in columns))

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
        values = np.array([(self._last[n].quality, *self._last[n].costs) for n in done])
        return [number for number, kept in zip(done, non_dominated(values), strict=True) if kept]
