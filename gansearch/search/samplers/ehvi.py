"""Sampler by expected hypervolume improvement per second of training (EHVI/s).

The acquisition value of a configuration is its expected hypervolume improvement, times its
probability of feasibility, per second of training. It combines several objectives and their costs.
"""

from __future__ import annotations

import numpy as np
from scipy.stats.qmc import Halton

from gansearch.record import TrialRecord
from gansearch.search.bayesian.model import Model
from gansearch.search.samplers.base import Proposal
from gansearch.search.samplers.memory import MemoryModel
from gansearch.settings import Params
from gansearch.space import Space

RANDOM_SHARE = 0.1
"""Share of trials with a random configuration, whatever the surrogate predicts."""
DRAWS = 64
"""Number of random draws, of which the first untried one is taken."""


class EhviSampler:
    """Proposes papers' defaults, then the candidate of highest acquisition value, or a random one.

    A configuration that probably does not fit the devices' memory is passed over.

    Args:
        space: the search space.
        model: the study's surrogate, which observes the same trials before this sampler does.
    """

    def __init__(self, space: Space, model: Model) -> None:
        self._seed = space.search.seed
        self._first = [space.sampled(params) for params in space.defaults()]
        self._model = model
        self._memory = MemoryModel(space)
        self._tried: set[bytes] = set()  # encoded vectors
        self._halton = Halton(model.encoder.dimension, rng=space.search.seed)

    def add(self, trial: TrialRecord) -> None:
        """Observe a trial that was put on record."""
        self._tried.add(self._model.encoder.encode([trial.sampled])[0].tobytes())

    def report(self, trial: TrialRecord) -> None:
        """Observe the last report of an added trial, which is new."""
        self._memory.learn(trial)

    def end(self, trial: TrialRecord) -> None:
        """Observe the end of an added trial."""
        self._memory.learn(trial)

    def propose(self, number: int) -> Proposal:
        """Return the configuration of trial ``number``."""
        if number < len(self._first):
            return Proposal(self._first[number])
        random = np.random.default_rng((self._seed, number))
        best = None if random.random() < RANDOM_SHARE else self._best()
        return Proposal(best or self._random(number, random))

    def _best(self) -> Params | None:
        """Return the untried candidate that fits and has the highest acquisition value.

        Return ``None`` if there is none, or before enough observations.
        """
        state = self._model.state()
        if state is None:
            return None
        self._model.add_pending()
        for index in state.pool.by_acquisition_value():
            vector = state.pool.encoded[index]
            if vector.tobytes() not in self._tried:
                params = self._model.encoder.decode(vector)
                if self._fits(params):
                    return params
        return None

    def _random(self, number: int, random: np.random.Generator) -> Params:
        """Return a random untried configuration, if possible one that fits.

        Before the first surrogate, trials of successive numbers are spread evenly over the space
        by a Halton sequence. If no draw is untried, the first draw is returned.
        """
        encoder = self._model.encoder
        drawn = random.random((DRAWS, encoder.dimension))
        if self._model.state() is None:
            drawn[0] = self._halton.reset().fast_forward(number).random()
        vectors = encoder.snap(drawn)
        untried = [vector for vector in vectors if vector.tobytes() not in self._tried]
        first = encoder.decode((untried or vectors)[0])
        return next(filter(self._fits, map(encoder.decode, untried)), first)

    def _fits(self, sampled: Params) -> bool:
        return self._memory.excess(sampled) <= 0
