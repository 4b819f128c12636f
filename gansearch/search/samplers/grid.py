"""Enumeration of a discrete space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from gansearch.errors import StudyError
from gansearch.record import TrialRecord
from gansearch.search.samplers.base import Proposal, key_of
from gansearch.settings import Params
from gansearch.space import Space

MAX_POINTS = 100_000
"""Maximum number of points of a grid."""


class GridSampler:
    """Proposes every point of a discrete space once, in an order drawn from the study's seed.

    Raises:
        StudyError: a parameter has a continuous range, or there are more points than
            :data:`MAX_POINTS`.
    """

    def __init__(self, space: Space) -> None:
        points = list(islice(enumerate_points(space), MAX_POINTS + 1))
        if len(points) > MAX_POINTS:
            raise StudyError(
                f"{space.file or space.name}: the grid has more than {MAX_POINTS:,} points; "
                "widen the steps, or set search.sampler to random"
            )
        order = np.random.default_rng(space.search.seed).permutation(len(points))
        self._left = iter([points[i] for i in order])
        self._seen: set[str] = set()

    def add(self, trial: TrialRecord) -> None:
        """Observe a trial that was put on record."""
        self._seen.add(key_of(trial.sampled))

    def report(self, trial: TrialRecord) -> None:
        """Ignore a new report."""

    def end(self, trial: TrialRecord) -> None:
        """Ignore the end of a trial."""

    def propose(self, number: int) -> Proposal | None:  # noqa: ARG002 - the next one, whatever it is
        """Return the next untried point, or ``None`` after the last."""
        left = (Proposal(point) for point in self._left if key_of(point) not in self._seen)
        return next(left, None)


def enumerate_points(space: Space) -> Iterator[Params]:
    """Yield every configuration of a discrete space, in the order of its choices.

    Inactive parameters are omitted.

    Raises:
        StudyError: a parameter has a continuous range.
    """
    options: list[int] = []
    while True:
        path = _Path(space, options)
        yield space.sample(path)
        # The next path takes the next option at the last choice that has one left.
        while options and options[-1] + 1 == path.sizes[len(options) - 1]:
            options.pop()
        if not options:
            return
        options[-1] += 1


class _Path:
    """A trial that takes the n-th option at each known choice, and the first at a new one."""

    def __init__(self, space: Space, options: list[int]) -> None:
        self.space = space
        self.options = options  # grown in place
        self.sizes: list[int] = []

    def suggest_float(
        self,
        name: str,
        low: float,
        high: float,
        *,
        step: float | None = None,
        log: bool = False,  # noqa: ARG002 - the spacing of a step
    ) -> float:
        if step is None:
            raise StudyError(
                f"{self.space.file or self.space.name}: a grid cannot enumerate {name}, a "
                f"continuous range from {low:g} to {high:g}; give it a step or a list of values"
            )
        return low + self._take(int((high - low) / step + 1e-9) + 1) * step

    def suggest_int(
        self,
        name: str,  # noqa: ARG002 - Optuna's signature
        low: int,
        high: int,
        *,
        step: int = 1,
        log: bool = False,  # noqa: ARG002 - every integer counts
    ) -> int:
        values = range(low, high + 1, step)
        return values[self._take(len(values))]

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:  # noqa: ARG002
        return choices[self._take(len(choices))]

    def _take(self, count: int) -> int:
        if len(self.sizes) == len(self.options):
            self.options.append(0)
        self.sizes.append(count)
        return self.options[len(self.sizes) - 1]
