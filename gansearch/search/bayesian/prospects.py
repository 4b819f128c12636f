"""Sampler and stopping rule by expected hypervolume improvement per second (EHVI/s).

The acquisition value of a trial is its expected hypervolume improvement per second of remaining
training. It combines several objectives, early stopping and costs. The next trial is the candidate
with the highest acquisition value. A trial is stopped if another one almost surely beats it at no
higher cost. It is also stopped if another one probably beats it and its acquisition value is far
below the usual one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats.qmc import Halton

from gansearch.config import Params
from gansearch.record import TrialRecord
from gansearch.search.bayesian.acquisition import Outlooks, rates
from gansearch.search.bayesian.observations import History
from gansearch.search.samplers.memory import MemoryModel
from gansearch.space import Space

EXPLORED = 0.1
"""Share of random trials."""
DRAWS = 64
"""Number of random draws, of which the first untried one is taken."""
COHORT = 4
"""Number of trials at a rung before one is stopped there, itself included."""
SURELY, LIKELY = 0.95, 0.8
"""Probabilities that another trial is better at no higher cost. Above the first, a trial is
stopped; up to the second, it continues."""
SHARE = 0.25
"""Fraction of the usual acquisition value; between the two probabilities, a trial with less is
stopped."""


class Prospects:
    """Surrogate-based decisions of a study, which depend on its observations alone.

    Args:
        space: the search space.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._history = History(space)
        self._outlooks = Outlooks(self._history, space.search.seed)
        self._seen: set[bytes] = set()
        self._even = Halton(self._history.encoder.count, rng=space.search.seed)

    def add(self, trial: TrialRecord) -> None:
        """Add a trial that was handed out."""
        self._history.add(trial)
        self._seen.add(self._history.genes[-1].tobytes())

    def report(self, trial: TrialRecord) -> None:
        """Take the last report of an added trial, which is new."""
        self._history.report(trial)

    def end(self, trial: TrialRecord) -> None:
        """Take the end of an added trial."""
        self._history.end(trial)

    def chance(
        self, number: int, random: np.random.Generator, admits: Callable[[Params], bool]
    ) -> Params:
        """Return a random untried configuration, if possible one that ``admits`` accepts.

        Before the first surrogates, trials of successive numbers are spread evenly over the space
        by a Halton sequence. If no draw is untried, the first draw is returned.
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
        """Return the admitted untried candidate with the highest acquisition value.

        Return ``None`` if there is none, or before enough observations.
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
        """Return why a trial should stop at its last, unobserved report, or ``None``."""
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
    """Proposes papers' defaults, then random trials or the fitting candidate of highest EHVI/s.

    A share :data:`EXPLORED` of the trials is random.

    Args:
        space: the search space.
        prospects: observes the same trials as this.
    """

    def __init__(self, space: Space, prospects: Prospects) -> None:
        self._seed = space.search.seed
        self._first = space.defaults()
        self._prospects = prospects
        self._memory = MemoryModel(space)

    def add(self, trial: TrialRecord) -> None:
        """Ignore a new trial, which the prospects observe."""

    def report(self, trial: TrialRecord) -> None:
        """Take the last report of an added trial, which is new."""
        self._memory.learn(trial)

    def end(self, trial: TrialRecord) -> None:
        """Take the end of an added trial."""
        self._memory.learn(trial)

    def propose(self, number: int) -> Params:
        """Return the configuration of trial ``number``."""
        if number < len(self._first):
            return self._first[number]
        random = np.random.default_rng((self._seed, number))
        best = None if random.random() < EXPLORED else self._prospects.best(self._fits)
        return best or self._prospects.chance(number, random, self._fits)

    def _fits(self, params: Params) -> bool:
        return self._memory.excess(params) <= 0
