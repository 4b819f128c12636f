"""Candidates for the policy: rungs that stop the dominated, and two ways to propose beside them.

A rung compares quality so far and what the full training will cost, so a fast one is not stopped
for being less than the best; and what was stopped teaches as well as what was completed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.samplers import TPESampler
from optuna.trial import TrialState

from benchmarks.search.ledger import Ledger
from gansearch.config import Params
from gansearch.pareto import non_dominated
from gansearch.record import Outcome, Report, TrialRecord
from gansearch.search.feasibility import is_full, objective_values
from gansearch.search.simulate import Clock
from gansearch.space import Space

COHORT = 6
"""Trials at a rung before one is stopped."""
EXPLORED = 0.25
"""Share of the configurations that are drawn by chance."""
CROSSED, MUTATED, WIDTH = 0.5, 0.5, 0.15
"""Chances that a child has two parents and that a value changes; by how much of its range."""


class Dominated(Ledger):
    """Stops what more than a share of its rung beat in quality at no higher cost.

    Args:
        space: what is searched; every objective is minimised.
        clock: of the simulation.
    """

    share: float
    """Of the trials at a rung that may beat one that goes on."""

    def __init__(self, space: Space, clock: Clock) -> None:
        super().__init__(space, clock)
        points = (*space.budget.rungs, space.budget.max_kimg)
        self._rungs: dict[float, dict[int, NDArray[np.float64]]] = {kimg: {} for kimg in points}

    def report(self, number: int, report: Report) -> bool:
        """Take a trial's report; ``False`` if the trial is over."""
        goes_on = super().report(number, report)
        if is_full(self.space, report.kimg):
            self._rungs[report.kimg][number] = self._values(report)
        return goes_on

    def judge(self, trial: TrialRecord, report: Report) -> bool:
        """Whether few enough at its rung dominate it."""
        rung, mine = self._rungs[report.kimg], self._values(report)
        others = np.array(list(rung.values())).reshape(-1, len(mine))
        rung[trial.number] = mine
        beaten_by = (others[:, 0] < mine[0]) & (others[:, 1:] <= mine[1:]).all(axis=1)
        return len(rung) <= COHORT or bool(beaten_by.sum() <= self.share * len(others))

    def _values(self, report: Report) -> NDArray[np.float64]:
        return np.array([report.metrics[objective.metric] for objective in self.space.objectives])


class DominatedBred(Dominated):
    """Breeds configurations from those that nothing dominates at one of the furthest rungs."""

    share = 0.05

    def propose(self, number: int) -> Params:
        """A child of one or two of a far rung's front, or a draw by chance."""
        random = np.random.default_rng((self.space.search.seed, number))
        far = [rung for rung in self._rungs.values() if len(rung) >= COHORT][-2:]
        if not far or random.random() < EXPLORED:
            return self.space.suggest(Draw(random, {}))
        rung = far[random.integers(len(far))]
        front = np.array(list(rung))[non_dominated(np.array(list(rung.values())))]
        mother, father = (self.trials[int(n)].params for n in random.choice(front, 2))
        if random.random() < CROSSED:
            mother = {
                k: father.get(k, v) if random.random() < 0.5 else v for k, v in mother.items()
            }
        return self.space.suggest(Draw(random, mother))


class DominatedTpe(Dominated):
    """Optuna's TPE, given each trial's last quality with the costs of its full training.

    A stopped trial's quality is what it had come to: no better than its end would have been where
    curves fall.
    """

    share = 0.1

    def __init__(self, space: Space, clock: Clock) -> None:
        super().__init__(space, clock)
        self._study = optuna.create_study(
            directions=[objective.direction for objective in space.objectives],
            sampler=TPESampler(seed=space.search.seed),
        )
        self._asked: dict[int, optuna.Trial] = {}

    def propose(self, number: int) -> Params:
        """TPE's next."""
        self._asked[number] = self._study.ask()
        return self.space.suggest(self._asked[number])

    def learn(self, trial: TrialRecord) -> None:
        """Its last values; failed where it broke."""
        asked = self._asked[trial.number]
        if trial.last is not None and trial.outcome in (Outcome.COMPLETED, Outcome.STOPPED):
            self._study.tell(asked, objective_values(self.space, trial))
        else:
            self._study.tell(asked, state=TrialState.FAIL)


class Draw:
    """What a space asks for a configuration: a mutation of ``parent``, chance where it has none."""

    def __init__(self, random: np.random.Generator, parent: Params) -> None:
        self._random = random
        self._parent = parent

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A float in [low, high]."""
        if self._keeps(name):
            return float(self._parent[name])
        scale, back = (math.log, math.exp) if log else (float, float)
        left, right = scale(low), scale(high)
        value = self._random.uniform(left, right)
        if name in self._parent:
            moved = WIDTH * (right - left) * self._random.standard_normal()
            value = min(max(scale(float(self._parent[name])) + moved, left), right)
        found = min(max(back(value), low), high)
        return found if step is None else low + round((found - low) / step) * step

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """An integer in [low, high]."""
        value = self.suggest_float(name, low, high, log=log)
        return low + round((value - low) / step) * step

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of ``choices``."""
        if self._keeps(name) and self._parent[name] in choices:
            return self._parent[name]
        return choices[int(self._random.integers(len(choices)))]

    def _keeps(self, name: str) -> bool:
        return name in self._parent and self._random.random() >= MUTATED
