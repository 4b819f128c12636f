"""What the trials of a study are believed to come to, and what a new one would.

All of it is a function of the record: what is believed at a moment depends on what was told before
it. So that a decision takes little however much is known, beliefs move in steps: a view is taken
whenever so much is new, and worked out once somebody looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from gansearch.pareto import non_dominated
from gansearch.record import Outcome, TrialRecord
from gansearch.search.encoding import Encoder
from gansearch.search.feasibility import violations
from gansearch.search.gaussian import Array
from gansearch.search.models import Known, Models, Settings, Value, fit_settings
from gansearch.space import Space

ENOUGH = 8
"""Reports before anything is believed."""
STEP, LEAST = 16, 2
"""A view is taken after n^1.5 / STEP events where n trials run, after n / LEAST at most: the more
there are, the less one event tells."""
GROWTH = 1.2
"""By how much what is known grows until the models' settings are fitted anew."""
SURE = 0.05
"""Most that the quality of a completed trial may still deviate, in the model's unit."""
BLUR = 0.2
"""By how much a miss may deviate from what its model says."""


class Moment(NamedTuple):
    """How much had been told."""

    trials: int
    values: int
    ends: int


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


class View:
    """What is believed at a moment.

    Args:
        settings: of the models.
        known: what was told.
        ends: outcomes of the trials that ended.
        limits: up to which the objectives are wanted ``[M]``, as measured, the quality first.

    Attributes:
        limits: in the models' units.
        numbers: of the trials that run, or are completed and that no other completed one dominates.
        belief: of these.
        points: their believed objectives ``[N, M]``, the quality first.
        front: which of them no other dominates ``[F]``.
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
        self._models = Models(settings, known)
        self.limits = np.append(self._models.scale(limits[:1]), limits[1:])
        self._last = known.last()
        self.reported = list(self._last)
        self._rungs = np.bincount([value.rung for value in self._last.values()])
        running = [number for number in known.points if number not in ends]
        self.numbers = running + self._best(ends)
        self.belief = self.of(known.at(self.numbers))
        for i, number in enumerate(self.numbers):
            if number in self._last:
                self.belief.seconds[i] = self._last[number].seconds
                self.belief.costs[i] = self._last[number].costs
        self.belief.deviation[len(running) :] = np.minimum(
            self.belief.deviation[len(running) :], SURE
        )
        self._place = {number: place for place, number in enumerate(self.numbers)}
        self.points = self.belief.points
        self.front = np.flatnonzero(non_dominated(self.points))

    def reached(self, rung: int) -> int:
        """How many trials have come to a rung."""
        return int(self._rungs[rung:].sum())

    def __contains__(self, number: int) -> bool:
        return number in self._place

    def front_without(self, number: int) -> Array:
        """The believed front ``[F, M]``, had a trial not been."""
        place = self._place.get(number, -1)
        if place not in self.front:
            return self.points[self.front]
        others = np.delete(self.points, place, axis=0)
        return others[non_dominated(others)]

    def beaten_by(self, number: int, own: Belief) -> tuple[int, float] | None:
        """Which other trial is most probably better at no higher cost, and how probably.

        Args:
            number: of a trial.
            own: what is believed of it.
        """
        cheaper = np.flatnonzero((self.belief.costs <= own.costs * (1 + 1e-6)).all(axis=1))
        rivals = cheaper[cheaper != self._place[number]]
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

    def of_trial(self, value: Value) -> Belief:
        """What is believed of a trial with a further value."""
        point, scale = self._known.points[value.number], self._models.scale
        quality = float(scale(np.array([value.quality]))[0])
        mean, deviation = self._models.quality.predict_given(point, value.rung, quality)
        columns = ([mean], [deviation], [value.costs], [value.seconds], [1.0])
        return Belief(*(np.array(column, dtype=np.float64) for column in columns))

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


class Forecast:
    """Listens to a study, and says what is believed of it.

    Args:
        space: what is searched.

    Attributes:
        encoder: of its configurations.
        genes: of every trial ``[G]``, by number.
        moment: of the view; ``None`` before enough is known.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self.encoder = Encoder(space)
        quality = space.quality
        self._ordered = [quality, *(o for o in space.objectives if o is not quality)]
        self._rungs = np.array([*space.budget.rungs, space.budget.max_kimg])
        bounds = (o.max if o.direction == "minimize" else o.min for o in self._ordered)
        signed = zip(self._ordered, bounds, strict=True)
        self._limits = np.array(
            [np.inf if bound is None else o.minimised(bound) for o, bound in signed]
        )
        self.genes: dict[int, Array] = {}
        self._points: dict[int, Array] = {}  # by trial number, in their order
        self._values: list[Value] = []
        self._ends: list[tuple[int, Outcome | None]] = []
        self._misses: list[tuple[int, float]] = []
        self._news = 0
        self.moment: Moment | None = None
        self._fitted_at: Moment | None = None
        self._settings: tuple[Moment, Settings] | None = None
        self._view: tuple[Moment, View] | None = None

    def add(self, trial: TrialRecord) -> None:
        """A trial was handed out."""
        genes = self.encoder.genes([trial.params])
        self.genes[trial.number] = genes[0]
        self._points[trial.number] = self.encoder.points(genes)[0]
        self._told()

    def report(self, trial: TrialRecord) -> None:
        """A trial that was added has a new report, its last one."""
        self._values.append(self.value_of(trial))
        self._told()

    def end(self, trial: TrialRecord) -> None:
        """A trial that was added came to its end."""
        self._ends.append((trial.number, trial.outcome))
        self._misses.append((trial.number, _miss(violations(self._space, trial))))
        self._told()

    def _told(self) -> None:
        self._news += 1
        running = len(self._points) - len(self._ends)
        if len(self._values) < ENOUGH or self._news < min(running**1.5 / STEP, running / LEAST):
            return
        self._news = 0
        self.moment = Moment(len(self._points), len(self._values), len(self._ends))
        if self._fitted_at is None or len(self._values) >= GROWTH * self._fitted_at.values:
            self._fitted_at = self.moment

    def view(self) -> View | None:
        """What is believed; ``None`` before enough is known, or where nothing is to choose."""
        if self.moment is None or self._fitted_at is None or not self.encoder.count:
            return None
        if self._settings is None or self._settings[0] != self._fitted_at:
            known = self._known(self._fitted_at)
            settings = fit_settings(self.encoder.group, known, len(self._rungs))
            self._settings = self._fitted_at, settings
        if self._view is None or self._view[0] != self.moment:
            ends = dict(self._ends[: self.moment.ends])
            view = View(self._settings[1], self._known(self.moment), ends, self._limits)
            self._view = self.moment, view
        return self._view[1]

    def unseen(self) -> Array:
        """The points ``[N, D]`` of the trials that were handed out after the view was taken."""
        later = list(islice(self._points.values(), self.moment.trials if self.moment else 0, None))
        return np.array(later).reshape(len(later), len(self.encoder.group))

    def value_of(self, trial: TrialRecord) -> Value:
        """What a trial's last report tells."""
        report = trial.reports[-1]
        quality, *costs = (
            objective.minimised(report.metrics[objective.metric]) for objective in self._ordered
        )
        rung = int(np.searchsorted(self._rungs * (1 - 1e-9), report.kimg, side="right")) - 1
        seconds = report.metrics.get("seconds_per_kimg", 1.0)
        return Value(trial.number, max(0, rung), quality, seconds, tuple(costs))

    def _known(self, moment: Moment) -> Known:
        points = dict(islice(self._points.items(), moment.trials))
        values: Sequence[Value] = self._values[: moment.values]
        return Known(points, values, dict(self._misses[: moment.ends]))


def _miss(found: Mapping[str, float]) -> float:
    """The worst violation but for being stopped, in [-1, 1]; -1 where there is nothing to miss."""
    others = [by for name, by in found.items() if name != Outcome.STOPPED.value]
    return min(max(2 * max(others, default=-1.0), -1.0), 1.0)
