"""Population-based training (Jaderberg et al. 2017).

Truncate the worst quarter; continue a good trial's checkpoint with perturbed settings. This version
is asynchronous and has several objectives: the population at a rung is the trials that reached it
last. The settings of a trial never change. A child is a trial of its own. It starts from its
parent's checkpoint at a rung, with perturbed settings. Its lineage over several generations is a
schedule. :mod:`gansearch.search.stopping.truncation` stops the worst quarter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from gansearch.record import Ancestor, Outcome, TrialRecord, images_of
from gansearch.search.cohorts import SHARE, Cohorts
from gansearch.search.feasibility import is_full
from gansearch.search.samplers.base import Proposal, derive_seed, key_of
from gansearch.search.samplers.optuna import OptunaSampler, random
from gansearch.settings import Params, can_change
from gansearch.space import Space
from gansearch.variants.catalog import CATALOG

RESAMPLED = 0.25
"""Probability that a setting is resampled instead of perturbed, as in the paper's appendix A."""

ATTEMPTS = 8
"""Draws of a child before the search for an untried one is given up."""

_STREAM = 1000  # random stream, apart from those of other samplers


class PbtSampler:
    """Proposes children of good trials.

    The first ``population`` trials start from scratch: the papers' defaults, then random draws.
    Each later trial is a child. If a trial was stopped at a rung, the child's parent is one of the
    best quarter there. Otherwise, for example after a completed trial, it is one of the best
    quarter at a random rung with enough trials. A trial without a possible parent starts from
    scratch.

    Args:
        space: the search space, with a population size.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._size = space.search.population or 0
        self._scratch = OptunaSampler(space, random, learns=False)
        self._cohorts = Cohorts(space, self._size)
        self._places: deque[float] = deque()  # kimg of stopped trials not yet replaced
        self._tried: set[str] = set()

    def add(self, trial: TrialRecord) -> None:
        """Observe a trial that was put on record."""
        if not trial.lineage:
            self._scratch.add(trial)
            return
        self._tried.add(_key(trial.lineage, trial.params))
        if self._places:
            self._places.popleft()

    def report(self, trial: TrialRecord) -> None:
        """Observe the last report of an added trial, which is new."""
        if not trial.lineage:
            self._scratch.report(trial)
        if not is_full(self._space, trial.reached):
            self._cohorts.add(trial)

    def end(self, trial: TrialRecord) -> None:
        """Observe the end of an added trial."""
        if not trial.lineage:
            self._scratch.end(trial)
        if trial.outcome == Outcome.STOPPED:
            self._places.append(trial.reached)
        elif trial.outcome != Outcome.COMPLETED:
            self._cohorts.drop(trial.number)

    def propose(self, number: int) -> Proposal:
        """Return trial ``number`` as a child, or from scratch if there is no parent for it."""
        child = self._child(number) if number >= self._size else None
        return child or self._scratch.propose(number)

    def _child(self, number: int) -> Proposal | None:
        draw = np.random.default_rng(derive_seed(self._space, number, _STREAM))
        rungs = [self._places[0]] if self._places else self._cohorts.filled()
        if not rungs:
            return None
        order = self._cohorts.best_first(rungs[draw.integers(len(rungs))])
        better = order[: max(1, len(order) // SHARE)]
        for _ in range(ATTEMPTS if better else 0):
            parent = better[draw.integers(len(better))]
            params = perturb(self._space, parent.params, draw)
            lineage = *parent.lineage, Ancestor(parent.number, parent.params, parent.reached)
            is_new = _key(lineage, params) not in self._tried
            if params != parent.params and is_new:
                return Proposal(self._space.sampled(params), lineage, parent.seed)
        return None


def perturb(space: Space, params: Params, draw: np.random.Generator) -> Params:
    """Perturb the live settings of ``params``: move each to a neighbour or resample it.

    A setting stays if a training could not change to its new value, or if that would change the set
    of active parameters.
    """
    variant = str(params["variant"])
    live = CATALOG[variant].settings.live()
    for name, key in space.searched[variant].items():
        if name not in live or name not in params:
            continue
        parameter = space.parameters[key]
        if draw.random() < RESAMPLED:
            value = parameter.suggest(RandomTrial(draw), key)
        else:
            value = parameter.neighbour(params[name], up=bool(draw.random() < 0.5))
        moved = {**params, name: value}
        same_form = space.nearest(variant, moved).keys() == params.keys()
        if same_form and can_change(params[name], value):
            params = moved
    return params


class RandomTrial:
    """A trial whose suggestions are uniform random values.

    Args:
        draw: the random generator.
    """

    def __init__(self, draw: np.random.Generator) -> None:
        self._draw = draw

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return a float in [low, high]."""
        if step is not None:
            return low + step * self.suggest_int(name, 0, int((high - low) / step + 1e-9))
        if log:
            return float(np.exp(self._draw.uniform(np.log(low), np.log(high))).clip(low, high))
        return float(self._draw.uniform(low, high))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Return an integer in [low, high]."""
        if log:
            return round(self.suggest_float(name, low, high, log=True))
        return low + step * int(self._draw.integers((high - low) // step + 1))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:  # noqa: ARG002
        """Return one of ``choices``."""
        return choices[int(self._draw.integers(len(choices)))]


def _key(lineage: Iterable[Ancestor], params: Params) -> str:
    *_, parent = lineage
    return f"{parent.number} {images_of(parent.kimg)} {key_of(params)}"
