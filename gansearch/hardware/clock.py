"""Device clocks, and stretches of training that are timed with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from gansearch.hardware.lazy import LazyComputation
from gansearch.hardware.load import outside_load

DISTURBED = 0.05
"""Share of a measurement's time, with other programs on its cores, above which the measurement is
disturbed."""


def stopwatch(device: torch.device) -> Callable[[], float]:
    """Start a stopwatch; the returned function gives the seconds elapsed on the device.

    On CUDA the function waits until the work launched so far is done.
    """
    start = _moment(device)
    return lambda: _seconds(start, _moment(device))


def _moment(device: torch.device) -> Any:
    """The current time; on CUDA an event of the current stream, recorded without waiting."""
    if device.type != "cuda":
        return time.perf_counter()
    stream = torch.cuda.current_stream(device)
    return stream.record_event(torch.cuda.Event(enable_timing=True))  # type: ignore[no-untyped-call]


def _seconds(start: Any, end: Any) -> float:
    """Seconds between two moments; waits until the second one is reached."""
    if isinstance(end, float):
        return float(end - start)
    end.synchronize()
    milliseconds: float = start.elapsed_time(end)
    return milliseconds / 1000


@dataclass
class Timed:
    """Totals over stretches of training.

    Attributes:
        seconds: total time.
        rounds: rounds trained.
        images: real images shown.
        lazy: part of ``seconds`` spent on lazy penalties.
        lost: part of ``seconds`` during which other programs occupied the cores.
        lazies: each computation of a lazy penalty; only for a single stretch.
    """

    seconds: float = 0.0
    rounds: int = 0
    images: int = 0
    lazy: float = 0.0
    lost: float = 0.0
    lazies: tuple[LazyComputation, ...] = ()

    def add(self, other: Timed) -> None:
        """Add the totals of ``other``; ``lazies`` stays as it is."""
        self.seconds += other.seconds
        self.rounds += other.rounds
        self.images += other.images
        self.lazy += other.lazy
        self.lost += other.lost

    @property
    def plain_round(self) -> float:
        """Seconds per round without lazy penalties."""
        return (self.seconds - self.lazy) / self.rounds

    @property
    def rate(self) -> float:
        """Seconds per kimg without lazy penalties."""
        return (self.seconds - self.lazy) / self.images * 1000

    @property
    def is_disturbed(self) -> bool:
        """Whether other programs occupied the cores for more than :data:`DISTURBED` of the time."""
        return self.lost > DISTURBED * self.seconds


class Stretch:
    """Timed rounds of training, to be iterated over once.

    Args:
        device: training device.
        rounds: number of rounds, at least 1.
        settling: number of first rounds that run with cold caches.

    Attributes:
        elapsed: function that returns the seconds since the stretch began.
    """

    def __init__(self, device: torch.device, rounds: int, settling: int) -> None:
        self._device = device
        self._rounds = rounds
        self._settling = settling
        self._spans: list[tuple[str, float, Any, Any]] = []  # lazy penalties
        self._spans_while_settling = 0
        self.elapsed = self._elapsed_settled = stopwatch(device)
        self._outside_settled = outside_load(device)

    def __len__(self) -> int:
        return self._rounds

    def __iter__(self) -> Iterator[int]:
        for index in range(self._rounds):
            if index and index == self._settling:
                self._spans_while_settling = len(self._spans)
                self._elapsed_settled = stopwatch(self._device)
                self._outside_settled = outside_load(self._device)
            yield index

    @contextmanager
    def lazy_penalty(self, name: str, every: float) -> Iterator[None]:
        """Time a lazy penalty separately from its round.

        The arguments are those of :class:`~gansearch.hardware.lazy.LazyComputation`.
        """
        start = _moment(self._device)
        yield
        self._spans.append((name, every, start, _moment(self._device)))

    def whole(self, images: int) -> Timed:
        """Totals of all rounds with ``images`` real images each; ``lost`` is 0."""
        return self._timed(self.elapsed(), self._rounds, images, 0)

    def settled(self, images: int) -> Timed:
        """Totals from the first settled round on, including ``lost``."""
        seconds, outside = self._elapsed_settled(), self._outside_settled()
        rounds = self._rounds - self._settling
        return replace(
            self._timed(seconds, rounds, images, self._spans_while_settling), lost=outside
        )

    def _timed(self, seconds: float, rounds: int, images: int, first: int) -> Timed:
        spans = self._spans[first:]
        lazies = tuple(
            LazyComputation(name, every, _seconds(*ends)) for name, every, *ends in spans
        )
        lazy = sum(each.seconds for each in lazies)
        return Timed(seconds, rounds, rounds * images, lazy, lazies=lazies)
