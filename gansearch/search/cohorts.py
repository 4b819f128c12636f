"""The trials at each rung, ordered from best to worst, for population-based training."""

from __future__ import annotations

from collections import deque

import numpy as np

from gansearch.pareto import ranks
from gansearch.record import TrialRecord, images_of, kimg_of
from gansearch.search.feasibility import objective_values, violations
from gansearch.space import Space

SHARE = 4
"""A quarter of a rung's population is the worst part, which truncation stops, and a quarter is the
best part, which has children (Jaderberg et al. 2017 use a fifth)."""


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
        self._rungs.setdefault(images_of(trial.reached), deque(maxlen=self._size)).append(trial)

    def drop(self, number: int) -> None:
        """Remove a trial."""
        for images, cohort in self._rungs.items():
            kept = (trial for trial in cohort if trial.number != number)
            self._rungs[images] = deque(kept, maxlen=self._size)

    def filled(self) -> list[float]:
        """Return the rungs, in kimg, with enough trials for a share of one trial."""
        return sorted(kimg_of(images) for images, c in self._rungs.items() if len(c) >= SHARE)

    def best_first(self, kimg: float) -> list[TrialRecord]:
        """Return the trials at a rung, with their reports up to it, best first.

        Trials within the bounds on costs come first (Deb et al. 2002, section VI). Then the
        non-domination rank over all objectives counts, then the quality.
        """
        cohort = list(self._rungs.get(images_of(kimg), ()))
        if not cohort:
            return []
        objectives = self._space.objectives
        values = [zip(objectives, objective_values(self._space, t), strict=True) for t in cohort]
        points = np.array([[o.minimised(value) for o, value in each] for each in values])
        missed = np.array(
            [sum(max(0.0, v) for v in violations(self._space, t).values()) for t in cohort]
        )
        quality = points[:, objectives.index(self._space.quality)]
        order = np.lexsort((quality, ranks(points), missed))
        return [cohort[index] for index in order]
