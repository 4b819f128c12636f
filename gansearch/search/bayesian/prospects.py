"""What new trials promise, and whether one that runs keeps up with them.

A trial's promise is the hypervolume by which it is expected to grow the front, for each second of
training that it still takes: so several objectives, early stopping and what trials cost are one
question. The next trial is the most promising of a pool of configurations. One is stopped that
another beats almost surely at no higher cost, and one that another beats probably if it promises
much less than trials usually do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats.qmc import Halton

from gansearch.config import Params
from gansearch.record import TrialRecord
from gansearch.search.bayesian.history import History
from gansearch.search.bayesian.outlook import Outlooks, rates
from gansearch.search.fitting import MemoryModel
from gansearch.space import Space

EXPLORED = 0.1
"""Share of the trials that are drawn by chance."""
DRAWS = 64
"""By chance, of which the first is taken that was not tried yet."""
COHORT = 4
"""Trials that came to a rung before one is stopped there."""
SURELY, LIKELY = 0.95, 0.8
"""Probabilities that another trial is better at no higher cost: above the first one that is reason
enough to stop, up to the second there is none."""
SHARE = 0.25
"""Of what the usual trial promises: one that promises less is stopped between the two."""


class Prospects:
    """Weighs trials by what they promise; decides from what it was told alone.

    Args:
        space: what is searched.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._history = History(space)
        self._outlooks = Outlooks(self._history, space.search.seed)
        self._seen: set[bytes] = set()
        self._even = Halton(self._history.encoder.count, rng=space.search.seed)

    def add(self, trial: TrialRecord) -> None:
        """A trial was handed out."""
        self._history.add(trial)
        self._seen.add(self._history.genes[-1].tobytes())

    def report(self, trial: TrialRecord) -> None:
        """A trial that was added has a new report, its last one."""
        self._history.report(trial)

    def end(self, trial: TrialRecord) -> None:
        """A trial that was added came to its end."""
        self._history.end(trial)

    def chance(
        self, number: int, random: np.random.Generator, admits: Callable[[Params], bool]
    ) -> Params:
        """A configuration by chance: an admitted new one, or a new one, if a few draws find one.

        While nothing is believed, trials of successive numbers are spread evenly over the space.
        """
        encoder = self._history.encoder
        drawn = random.random((DRAWS, encoder.count))
        if self._outlooks.now() is None:
            drawn[0] = self._even.reset().fast_forward(number).random()
        genes = encoder.snapped(drawn)
        new = [row for row in genes if row.tobytes() not in self._seen]
        first = encoder.params((new or genes)[0])
        return next(filter(admits, map(encoder.params, new)), first)

    def best(self, admits: Callable[[Params], bool]) -> Params | None:
        """The most promising new configuration that is admitted.

        ``None`` before enough is known, or if there is none.
        """
        outlook = self._outlooks.now()
        if outlook is None:
            return None
        self._outlooks.grow()
        for place in outlook.pool.descending():
            genes = outlook.pool.genes[place]
            if genes.tobytes() not in self._seen:
                params = self._history.encoder.params(genes)
                if admits(params):
                    return params
        return None

    def objection(self, trial: TrialRecord) -> str | None:
        """Why a trial should not go on after its last report, which was not told yet."""
        outlook = self._outlooks.now()
        if outlook is None or trial.number not in outlook.view:
            return None
        view, value = outlook.view, self._history.value_of(trial)
        if view.reached(value.rung) < COHORT - 1:
            return None
        own = view.of_trial(value)
        better = view.beaten_by(trial.number, value.rung, own)
        if better is None or better[1] <= LIKELY:
            return None
        if better[1] > SURELY:
            return f"trial {better[0]} is better at no higher cost, by {better[1]:.0%}"
        left = 1 - trial.reports[-1].kimg / self._space.budget.max_kimg
        (rate,) = rates(own, outlook.fronts.without(trial.number, value.rung)) / left
        if rate < SHARE * outlook.usual:
            return f"it promises {rate / outlook.usual:.0%} of what trials usually do"
        return None


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
        return best or self._prospects.chance(number, random, self._fits)

    def _fits(self, params: Params) -> bool:
        return self._memory.excess(params) <= 0
