"""Mean time that lazy penalties add to a round, whatever their intervals are."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

KEPT = 64
"""Number of the latest computations of a lazy penalty that are averaged."""


@dataclass(frozen=True)
class LazyComputation:
    """One computation of a lazy penalty.

    Attributes:
        name: name of the penalty, unique among the players.
        every: mean number of rounds from one computation to the next.
        seconds: time of the computation.
    """

    name: str
    every: float
    seconds: float


class TimingConditions(IntEnum):
    """Conditions under which a computation was timed, the worst first."""

    WARM_UP = 0
    SHARED = 1
    EXCLUSIVE = 2


class LazyShares:
    """Time of lazy penalties relative to the time of plain rounds.

    The number of penalties in a window of rounds varies. A median over windows would omit a penalty
    that occurs in fewer than half of them. So each computation is divided by the time of a plain
    round of its stretch and by its interval. Only the computations timed under the best conditions
    count. Exclusive ones are averaged by the median. Others are averaged by the mean, because other
    processes delay some computations much and others not at all.
    """

    def __init__(self) -> None:
        self._shares: dict[str, tuple[TimingConditions, deque[float]]] = {}

    def add(
        self, lazies: Iterable[LazyComputation], plain: float, conditions: TimingConditions
    ) -> None:
        """Add the computations of a stretch.

        Args:
            lazies: computations of lazy penalties in the stretch.
            plain: seconds per round of the stretch without them, above 0.
            conditions: conditions of the stretch.
        """
        for lazy in lazies:
            best, shares = self._shares.get(
                lazy.name, (TimingConditions.WARM_UP, deque(maxlen=KEPT))
            )
            if conditions > best:
                shares = deque(maxlen=KEPT)
            if conditions >= best:
                shares.append(lazy.seconds / plain / lazy.every)
                self._shares[lazy.name] = conditions, shares

    @property
    def total(self) -> float:
        """Seconds of lazy penalties per second of plain rounds."""
        return sum(_MEANS[best](shares) for best, shares in self._shares.values())

    def begin_stage(self) -> None:
        """Begin a stage with another round time; known shares serve until new ones are added."""
        self._shares = {
            name: (TimingConditions.WARM_UP, shares) for name, (_, shares) in self._shares.items()
        }

    def state_dict(self) -> dict[str, tuple[int, list[float]]]:
        """State for a checkpoint."""
        return {name: (int(best), list(shares)) for name, (best, shares) in self._shares.items()}

    def load_state_dict(self, state: Mapping[str, tuple[int, list[float]]]) -> None:
        """Restore the state from :meth:`state_dict`."""
        self._shares = {
            name: (TimingConditions(best), deque(shares, maxlen=KEPT))
            for name, (best, shares) in state.items()
        }


_MEANS: dict[TimingConditions, Callable[[Iterable[float]], float]] = {
    TimingConditions.WARM_UP: statistics.fmean,
    TimingConditions.SHARED: statistics.fmean,
    TimingConditions.EXCLUSIVE: statistics.median,
}
