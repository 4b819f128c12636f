"""A device's own clock, and stretches of training that are timed by it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from gansearch.metrics.lazy import Lazy
from gansearch.metrics.load import outside_load

DISTURBED = 0.05
"""Of a measurement's time that other programs had its cores: from there on it is not alone."""


def stopwatch(device: torch.device) -> Callable[[], float]:
    """Starts now; gives the seconds that passed on the device once it has done what it was told."""
    start = _moment(device)
    return lambda: _seconds(start, _moment(device))


def _moment(device: torch.device) -> Any:
    """Now; on CUDA an event of the current stream, which the host does not wait for."""
    if device.type != "cuda":
        return time.perf_counter()
    stream = torch.cuda.current_stream(device)
    return stream.record_event(torch.cuda.Event(enable_timing=True))  # type: ignore[no-untyped-call]


def _seconds(start: Any, end: Any) -> float:
    """Between two moments, once the second one has come."""
    if isinstance(end, float):
        return float(end - start)
    end.synchronize()
    milliseconds: float = start.elapsed_time(end)
    return milliseconds / 1000


@dataclass
class Timed:
    """What some stretches of training come to.

    Attributes:
        seconds: all of them.
        rounds: that were trained.
        images: real ones that were shown.
        lazy: seconds of lazy penalties, among all.
        lost: seconds that other programs had the cores, among all.
        lazies: the penalties one by one, of a single stretch.
    """

    seconds: float = 0.0
    rounds: int = 0
    images: int = 0
    lazy: float = 0.0
    lost: float = 0.0
    lazies: tuple[Lazy, ...] = ()

    def add(self, other: Timed) -> None:
        """Count another's too."""
        self.seconds += other.seconds
        self.rounds += other.rounds
        self.images += other.images
        self.lazy += other.lazy
        self.lost += other.lost

    @property
    def plain_round(self) -> float:
        """Seconds of a round without lazy penalties."""
        return (self.seconds - self.lazy) / self.rounds

    @property
    def rate(self) -> float:
        """Seconds per kimg without lazy penalties."""
        return (self.seconds - self.lazy) / self.images * 1000

    @property
    def is_disturbed(self) -> bool:
        """Whether other programs had the cores for too much of the time to call it alone."""
        return self.lost > DISTURBED * self.seconds


class Stretch:
    """Rounds to be trained: iterated over once, while they are timed.

    Args:
        device: that is trained on.
        rounds: at least 1.
        settling: the first so many of them, which find caches cold.

    Attributes:
        elapsed: seconds since the stretch began.
    """

    def __init__(self, device: torch.device, rounds: int, settling: int) -> None:
        self._device = device
        self._rounds = rounds
        self._settling = settling
        self._spans: list[tuple[str, float, Any, Any]] = []  # of lazy penalties
        self._unsettled = 0  # of the spans
        self.elapsed = self._elapsed_settled = stopwatch(device)
        self._lost_settled = outside_load(device)

    def __len__(self) -> int:
        return self._rounds

    def __iter__(self) -> Iterator[int]:
        for index in range(self._rounds):
            if index and index == self._settling:
                self._unsettled = len(self._spans)
                self._elapsed_settled = stopwatch(self._device)
                self._lost_settled = outside_load(self._device)
            yield index

    @contextmanager
    def lazily(self, name: str, every: float) -> Iterator[None]:
        """Time a lazy penalty apart from its round; arguments as of :class:`Lazy`."""
        start = _moment(self._device)
        yield
        self._spans.append((name, every, start, _moment(self._device)))

    def whole(self, images: int) -> Timed:
        """All rounds, each of which showed so many real images; without what others took."""
        return self._timed(self.elapsed(), self._rounds, images, 0)

    def settled(self, images: int) -> Timed:
        """Likewise from the first settled round on, with what others took."""
        seconds, lost = self._elapsed_settled(), self._lost_settled()
        rounds = self._rounds - self._settling
        return replace(self._timed(seconds, rounds, images, self._unsettled), lost=lost)

    def _timed(self, seconds: float, rounds: int, images: int, first: int) -> Timed:
        spans = self._spans[first:]
        lazies = tuple(Lazy(name, every, _seconds(*ends)) for name, every, *ends in spans)
        lazy = sum(each.seconds for each in lazies)
        return Timed(seconds, rounds, rounds * images, lazy, lazies=lazies)
