"""What lazy penalties add to a round, whatever their intervals are."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

KEPT = 64
"""Computations of a lazy penalty whose median counts: the last ones."""


@dataclass(frozen=True)
class Lazy:
    """One computation of a lazy penalty.

    Attributes:
        name: of the penalty, unique among the players'.
        every: rounds from one such computation to the next, on average.
        seconds: that it took.
    """

    name: str
    every: float
    seconds: float


class Quality(IntEnum):
    """How a computation was timed, the worst first."""

    WARM_UP = 0
    BESIDE = 1
    ALONE = 2


class LazyShares:
    """What lazy penalties add to the rounds between them, as shares of these rounds' time.

    A window of rounds holds a penalty as often as chance has it, so that a median of windows leaves
    out one that comes less than once in each of them. Each computation is therefore compared with a
    plain round of its own stretch, and counts once in its interval. Those that were timed best
    count: their median where they were alone, else their mean, since who is there beside delays
    some for long and others not at all.
    """

    def __init__(self) -> None:
        self._shares: dict[str, tuple[Quality, deque[float]]] = {}

    def add(self, lazies: Iterable[Lazy], plain: float, quality: Quality) -> None:
        """Take the computations of a stretch.

        Args:
            lazies: of the stretch.
            plain: its seconds a round without them, above 0.
            quality: how they were timed.
        """
        for lazy in lazies:
            best, shares = self._shares.get(lazy.name, (Quality.WARM_UP, deque(maxlen=KEPT)))
            if quality > best:
                shares = deque(maxlen=KEPT)
            if quality >= best:
                shares.append(lazy.seconds / plain / lazy.every)
                self._shares[lazy.name] = quality, shares

    @property
    def total(self) -> float:
        """Seconds of lazy penalties for each second of the rounds without them."""
        return sum(_MEANS[quality](shares) for quality, shares in self._shares.values())

    def begin_stage(self) -> None:
        """Rounds take another time from now on; what was known serves until more is."""
        self._shares = {
            name: (Quality.WARM_UP, shares) for name, (_, shares) in self._shares.items()
        }

    def state_dict(self) -> dict[str, tuple[int, list[float]]]:
        """What a checkpoint keeps."""
        return {name: (int(best), list(shares)) for name, (best, shares) in self._shares.items()}

    def load_state_dict(self, state: Mapping[str, tuple[int, list[float]]]) -> None:
        """Go on from what :meth:`state_dict` gave."""
        self._shares = {
            name: (Quality(best), deque(shares, maxlen=KEPT))
            for name, (best, shares) in state.items()
        }


_MEANS: dict[Quality, Callable[[Iterable[float]], float]] = {
    Quality.WARM_UP: statistics.fmean,
    Quality.BESIDE: statistics.fmean,
    Quality.ALONE: statistics.median,
}
