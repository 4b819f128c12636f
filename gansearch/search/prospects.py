"""What new trials promise, and whether one that runs keeps up with them.

A trial's promise is the hypervolume by which it is expected to grow the front, for each second of
training that it still takes: so several objectives, early stopping and what trials cost are one
question. The next trial is the most promising of a pool of configurations. One that another beats
almost surely at no higher cost is stopped, and so is one that promises much less than trials
usually do once they have reported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gansearch.config import Params
from gansearch.pareto import non_dominated
from gansearch.record import TrialRecord
from gansearch.search.fitting import MemoryModel
from gansearch.search.forecast import Belief, Forecast, Moment, View
from gansearch.search.gaussian import Array
from gansearch.search.improvement import expected_hypervolume_improvement
from gansearch.space import Space

EXPLORED = 0.1
"""Share of the trials that are drawn by chance."""
DRAWS = 16
"""By chance, of which the first is taken that was not tried yet."""
FAR, NEAR = 150, 150
"""Configurations of a pool: by chance, and bred from those that are believed to be on the front."""
CORNER = 0.75
"""Share of the configurations by chance that each side of the corner is beyond."""
MARGIN = 0.1
"""By how much of its extent the corner is beyond the front, at least."""
CHANCE = 64
"""Configurations by chance that the corner is drawn from."""
COHORT = 4
"""Trials that came to a rung before one is stopped there."""
LIKELY = 0.9
"""Probability from which another trial counts as better."""
RECENT = 12
"""Trials whose promise is the usual one."""
SHARE = 0.2
"""Of what the usual trial promises: one that promises less is stopped."""


class Standing(NamedTuple):
    """What trials are weighed by, as of a view.

    Attributes:
        corner: up to which hypervolume counts ``[M]``, the quality first.
        usual: what the newest trials promise on average, now that each has reported.
    """

    corner: Array
    usual: float


class Prospects:
    """Weighs trials by what they promise; decides from what it was told alone.

    Args:
        space: what is searched.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._forecast = Forecast(space)
        self._seen: set[bytes] = set()
        self._pooled: tuple[Moment | None, tuple[Array, Belief]] | None = None
        self._stood: tuple[Moment | None, Standing] | None = None
        self._later: tuple[Moment | None, Array] | None = None

    def add(self, trial: TrialRecord) -> None:
        """A trial was handed out."""
        self._forecast.add(trial)
        self._seen.add(self._forecast.genes[trial.number].tobytes())

    def report(self, trial: TrialRecord) -> None:
        """A trial that was added has a new report, its last one."""
        self._forecast.report(trial)

    def end(self, trial: TrialRecord) -> None:
        """A trial that was added came to its end."""
        self._forecast.end(trial)

    def chance(self, random: np.random.Generator, admits: Callable[[Params], bool]) -> Params:
        """A configuration by chance, an admitted new one if a few draws find one."""
        encoder = self._forecast.encoder
        genes = encoder.snapped(random.random((DRAWS, encoder.count)))
        new = (encoder.params(row) for row in genes if row.tobytes() not in self._seen)
        return next(filter(admits, new), encoder.params(genes[0]))

    def best(self, admits: Callable[[Params], bool]) -> Params | None:
        """The most promising new configuration that is admitted.

        ``None`` before enough is known, or if there is none.
        """
        view = self._forecast.view()
        if view is None:
            return None
        points = np.vstack([view.points[view.front], self._awaited(view)])
        front = points[non_dominated(points)]
        genes, belief = self._pool(view)
        for index in np.argsort(-_rates(belief, front, self._standing(view).corner)):
            if genes[index].tobytes() not in self._seen:
                params = self._forecast.encoder.params(genes[index])
                if admits(params):
                    return params
        return None

    def objection(self, trial: TrialRecord) -> str | None:
        """Why a trial should not go on after its last report, which was not told yet."""
        view = self._forecast.view()
        if view is None or trial.number not in view:
            return None
        value = self._forecast.value_of(trial)
        if view.reached(value.rung) < COHORT - 1:
            return None
        own = view.of_trial(value)
        better = view.beaten_by(trial.number, own)
        if better is not None and better[1] > LIKELY:
            return f"trial {better[0]} is better at no higher cost, by {better[1]:.0%}"
        corner, usual = self._standing(view)
        left = 1 - trial.reports[-1].kimg / self._space.budget.max_kimg
        (rate,) = _rates(own, view.front_without(trial.number), corner) / left
        if rate < SHARE * usual:
            return f"it promises {rate / usual:.0%} of what trials usually do"
        return None

    def _pool(self, view: View) -> tuple[Array, Belief]:
        """Genes of configurations to try ``[N, G]``, and what is believed of them."""
        if self._pooled is None or self._pooled[0] != self._forecast.moment:
            random, encoder = self._random(), self._forecast.encoder
            drawn = [random.random((FAR, encoder.count))]
            if len(view.front):
                parents = np.array([self._forecast.genes[view.numbers[i]] for i in view.front])
                drawn.append(encoder.bred(parents, NEAR, random))
            genes = encoder.snapped(np.vstack(drawn))
            self._pooled = self._forecast.moment, (genes, view.of(encoder.points(genes)))
        return self._pooled[1]

    def _awaited(self, view: View) -> Array:
        """The believed objectives ``[N, M]`` of the trials that came after the view."""
        if self._later is None or self._later[0] != self._forecast.moment:
            self._later = self._forecast.moment, np.empty((0, view.points.shape[1]))
        moment, known = self._later
        # One by one: longer sums round otherwise, and a resumed study would ask otherwise.
        new = [view.of(point[None]).points for point in self._forecast.unseen()[len(known) :]]
        self._later = moment, np.vstack([known, *new])
        return self._later[1]

    def _standing(self, view: View) -> Standing:
        if self._stood is None or self._stood[0] != self._forecast.moment:
            corner = self._corner(view)
            newest = view.reported[-RECENT:]
            points = self._forecast.encoder.points(
                np.array([self._forecast.genes[n] for n in newest])
            )
            rates = [
                _rates(view.of(point[None]), view.front_without(number), corner)
                for number, point in zip(newest, points, strict=True)
            ]
            self._stood = self._forecast.moment, Standing(corner, float(np.mean(rates)))
        return self._stood[1]

    def _corner(self, view: View) -> Array:
        encoder = self._forecast.encoder
        chance = encoder.snapped(self._random().random((CHANCE, encoder.count)))
        corner = np.quantile(view.of(encoder.points(chance)).points, CORNER, axis=0)
        front = view.points[view.front]
        if len(front):
            extent = front.max(axis=0) - front.min(axis=0)
            corner = np.maximum(front.max(axis=0) + MARGIN * extent, corner)
        found: Array = np.minimum(corner, view.limits)
        return found

    def _random(self) -> np.random.Generator:
        return np.random.default_rng((self._space.search.seed, *(self._forecast.moment or ())))


def _rates(belief: Belief, front: Array, corner: Array) -> Array:
    """Expected growth of hypervolume for each second of a whole training, ``[N]``."""
    gains = expected_hypervolume_improvement(
        belief.quality, belief.deviation, belief.costs, front, corner
    )
    found: Array = gains * belief.sound / belief.seconds
    return found


class PromisingProposer:
    """Each paper's defaults first, then what promises most and fits, with a share of chance.

    Args:
        space: what is searched.
        prospects: told of all that this is told of.
    """

    def __init__(self, space: Space, prospects: Prospects) -> None:
        self._seed = space.search.seed
        self._first = space.defaults()
        self._prospects = prospects
        self._memory = MemoryModel(space)

    def add(self, trial: TrialRecord) -> None:
        """A trial was handed out."""

    def report(self, trial: TrialRecord) -> None:
        """A trial that was added has a new report, its last one."""
        self._memory.learn(trial)

    def end(self, trial: TrialRecord) -> None:
        """A trial that was added came to its end."""
        self._memory.learn(trial)

    def propose(self, number: int) -> Params:
        """The configuration of trial ``number``."""
        if number < len(self._first):
            return self._first[number]
        random = np.random.default_rng((self._seed, number))
        best = None if random.random() < EXPLORED else self._prospects.best(self._fits)
        return best or self._prospects.chance(random, self._fits)

    def _fits(self, params: Params) -> bool:
        return self._memory.excess(params) <= 0
