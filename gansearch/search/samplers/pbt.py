"""Population-based training: truncate the worst quarter; continue a good trial's checkpoint.

Jaderberg et al. 2017, Population Based Training of Neural Networks, with truncation selection and
perturbation. This version is asynchronous and has several objectives: the population at a rung is
the trials that reached it last. The settings of a trial never change. A child is a trial of its
own. It starts from its parent's checkpoint at a rung, with perturbed settings. Its lineage over
several generations is a schedule.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gansearch.config import Params
from gansearch.pareto import ranks
from gansearch.record import Ancestor, Outcome, Report, TrialRecord
from gansearch.search.feasibility import is_full, objective_values, violations
from gansearch.search.samplers.grid import key_of
from gansearch.search.samplers.optuna import derive_seed
from gansearch.space import Space
from gansearch.variants.settings import LIVE, can_change

SHARE = 4
"""Reciprocal of the shares of a rung's population that are stopped and that have children."""

RESAMPLED = 0.25
"""Probability that a setting is resampled instead of perturbed."""

ATTEMPTS = 8
"""Draws of a child before the search for an untried one is given up."""

LAST = 256
"""Size of a rung's population, the last trials that reached it, if the space sets none."""

_STREAM = 1000  # random stream, apart from those of samplers


class Branch(NamedTuple):
    """A child to create.

    Attributes:
        parent: the parent, with its reports up to the branching point.
        params: the child's configuration.
    """

    parent: TrialRecord
    params: Params

    @property
    def lineage(self) -> tuple[Ancestor, ...]:
        """The child's lineage."""
        parent = self.parent
        return (*parent.lineage, Ancestor(parent.number, parent.params, parent.reached))


class Cohorts:
    """The population at each rung: the last trials that reached it.

    Args:
        space: its objectives and bounds define the order.
        size: maximum size of a population; the oldest trials are dropped.
    """

    def __init__(self, space: Space, size: int) -> None:
        self._space = space
        self._size = size
        self._rungs: dict[int, deque[TrialRecord]] = {}  # by images

    def add(self, trial: TrialRecord) -> None:
        """Add a trial at its last report."""
        self._rungs.setdefault(_images(trial.reached), deque(maxlen=self._size)).append(trial)

    def drop(self, number: int) -> None:
        """Remove a trial."""
        for images, cohort in self._rungs.items():
            kept = (trial for trial in cohort if trial.number != number)
            self._rungs[images] = deque(kept, maxlen=self._size)

    def filled(self) -> list[float]:
        """Return the rungs, in kimg, with enough trials for a share of one trial."""
        return sorted(images / 1000 for images, c in self._rungs.items() if len(c) >= SHARE)

    def best_first(self, kimg: float) -> list[TrialRecord]:
        """Return the trials at a rung, with their reports up to it, best first.

        Trials within the bounds on costs come first (Deb et al. 2002, section VI). Then the
        non-domination rank over all objectives counts, then the quality.
        """
        cohort = list(self._rungs.get(_images(kimg), ()))
        if not cohort:
            return []
        signs = [1.0 if o.direction == "minimize" else -1.0 for o in self._space.objectives]
        points = np.array([objective_values(self._space, t) for t in cohort]) * signs
        missed = np.array(
            [sum(max(0.0, v) for v in violations(self._space, t).values()) for t in cohort]
        )
        quality = points[:, self._space.objectives.index(self._space.quality)]
        order = np.lexsort((quality, ranks(points), missed))
        return [cohort[index] for index in order]


class Truncation:
    """Stops the worst share of a rung's population.

    Args:
        space: the search space.
    """

    def __init__(self, space: Space) -> None:
        self._cohorts = Cohorts(space, space.search.population or LAST)

    def judge(self, trial: TrialRecord) -> str | None:
        """Return why a trial should stop at its last, new report, or ``None``."""
        self._cohorts.add(trial)
        order = self._cohorts.best_first(trial.reached)
        worse = order[len(order) - len(order) // SHARE :]
        if trial.number not in {each.number for each in worse}:
            return None
        return f"among the worst 1/{SHARE} of {len(order)} at {trial.reached:g} kimg"

    def restore(self, trial: TrialRecord, *, goes_on: bool) -> None:  # noqa: ARG002 - a protocol's
        """Take a trial's last report, whose answer is on record."""
        self._cohorts.add(trial)


class Population:
    """Creates children of good trials, as a function of its observations.

    After the trials that start from scratch, each trial is a child. If a trial was stopped at a
    rung, the parent is one of the best share there. Otherwise, for example after a completed trial,
    it is one of the best share at a random rung with enough trials.

    Args:
        space: the search space; without a population size there are no children.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._cohorts = Cohorts(space, space.search.population or 0)
        self._places: deque[float] = deque()  # kimg of stopped trials not yet replaced
        self._tried: set[str] = set()

    def add(self, trial: TrialRecord) -> None:
        """Add a trial that was handed out."""
        if trial.lineage:
            self._tried.add(_key(trial.lineage, trial.params))
            if self._places:
                self._places.popleft()

    def report(self, trial: TrialRecord) -> None:
        """Take the last report of an added trial, which is new."""
        if not is_full(self._space, trial.reached):
            self._cohorts.add(trial)

    def end(self, trial: TrialRecord) -> None:
        """Take the end of an added trial."""
        if trial.outcome == Outcome.STOPPED:
            self._places.append(trial.reached)
        elif trial.outcome != Outcome.COMPLETED:
            self._cohorts.drop(trial.number)

    def branch(self, number: int) -> Branch | None:
        """Return trial ``number`` as a child, or ``None`` if it starts from scratch."""
        size = self._space.search.population
        if size is None or number < size:
            return None
        random = np.random.default_rng(derive_seed(self._space, number, _STREAM))
        rungs = [self._places[0]] if self._places else self._cohorts.filled()
        if not rungs:
            return None
        order = self._cohorts.best_first(rungs[random.integers(len(rungs))])
        better = order[: max(1, len(order) // SHARE)]
        for _ in range(ATTEMPTS if better else 0):
            parent = better[random.integers(len(better))]
            child = Branch(parent, explore(self._space, parent.params, random))
            is_new = _key(child.lineage, child.params) not in self._tried
            if child.params != parent.params and is_new:
                return child
        return None


def explore(space: Space, params: Params, random: np.random.Generator) -> Params:
    """Perturb the live settings of ``params``: move each to a neighbour or resample it.

    A setting stays if a training could not change to its new value, or if that would change the set
    of active parameters.
    """
    variant = str(params["variant"])
    for name, key in space.searched[variant].items():
        if name not in LIVE or name not in params:
            continue
        parameter = space.parameters[key]
        if random.random() < RESAMPLED:
            value = parameter.suggest(Chance(random), key)
        else:
            value = parameter.neighbour(params[name], up=bool(random.random() < 0.5))
        moved = {**params, name: value}
        same_form = space.nearest(variant, moved).keys() == params.keys()
        if same_form and can_change(params[name], value):
            params = moved
    return params


def start_of(trial: TrialRecord, trials: Mapping[int, TrialRecord]) -> Report | None:
    """Return the parent's report whose checkpoint a trial starts from, or ``None``.

    It is ``None`` without a parent, and for a replicate of a child, which trains from scratch with
    a seed of its own.
    """
    if not trial.lineage or trial.replicates is not None:
        return None
    parent, images = trials[trial.lineage[-1].number], _images(trial.lineage[-1].kimg)
    return next(report for report in parent.reports if _images(report.kimg) == images)


class Chance:
    """A trial whose every value is drawn uniformly.

    Args:
        random: the random generator.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return a float in [low, high]."""
        if step is not None:
            return low + step * self.suggest_int(name, 0, int((high - low) / step + 1e-9))
        if log:
            return float(np.exp(self._random.uniform(np.log(low), np.log(high))).clip(low, high))
        return float(self._random.uniform(low, high))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Return an integer in [low, high]."""
        if log:
            return round(self.suggest_float(name, low, high, log=True))
        return low + step * int(self._random.integers((high - low) // step + 1))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:  # noqa: ARG002
        """Return one of ``choices``."""
        return choices[int(self._random.integers(len(choices)))]


def _images(kimg: float) -> int:
    return round(1000 * kimg)


def _key(lineage: Iterable[Ancestor], params: Params) -> str:
    *_, parent = lineage
    return f"{parent.number} {_images(parent.kimg)} {key_of(params)}"
