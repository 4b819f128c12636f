"""A cache of these tests alone, and a simulated clock and device for the timer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType

import pytest

from gansearch.hardware import clock as clock_module
from gansearch.hardware import timer as timer_module
from gansearch.hardware.device import DeviceLock
from gansearch.hardware.timer import SETTLING, TrainingTimer

IMAGES = 10  # of a round


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cache for all of these tests, and none of the machine's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANSEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


class SimulatedDevice(DeviceLock):
    """A device on a simulated clock. Rounds in shared turns take three times as long.

    Args:
        clock: the clock.
        waits: seconds of waiting for an exclusive turn.
        granted: whether a request for an exclusive turn succeeds.
        empty: whether no other process uses the device.
        cold: additional seconds of the first rounds of an exclusive turn.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        waits: float = 0.0,
        granted: bool = True,
        empty: bool = False,
        cold: float = 0.0,
    ) -> None:
        self.clock = clock
        self.waited_seconds = 0.0
        self.slowed = 1.0
        self.trained = 0
        self.noise: Callable[[], float] = lambda: 1.0
        self.asked: list[bool] = []
        self.stretches: list[tuple[bool, int]] = []
        self._waits = waits
        self._granted = granted
        self._empty = empty
        self._cold = cold

    @contextmanager
    def for_measurement(self, *, exclusive: bool) -> Iterator[Callable[[], bool]]:
        self.asked.append(exclusive)
        if exclusive:
            self.clock.now += self._waits
            self.waited_seconds += self._waits
        is_exclusive = self._empty or (exclusive and self._granted)
        self.slowed = 1.0 if is_exclusive else 3.0
        yield lambda: is_exclusive

    def train(
        self,
        timer: TrainingTimer,
        rounds: int,
        seconds: float,
        lazies: Mapping[str, tuple[int, float]] = MappingProxyType({}),
    ) -> None:
        """Train rounds of ``seconds`` each, with lazy penalties by name: interval and seconds."""
        while rounds:
            with timer.stretch(rounds, IMAGES) as stretch:
                assert 1 <= len(stretch) <= rounds
                for index in stretch:
                    self.clock.now += seconds * self.slowed * self.noise()
                    if self.asked[-1] and index < SETTLING:
                        self.clock.now += self._cold
                    for name, (interval, lasts) in lazies.items():
                        if self.trained % interval == 0:
                            with timer.lazy_penalty(name, interval):
                                self.clock.now += lasts * self.slowed * self.noise()
                    self.trained += 1
                self.stretches.append((self.slowed == 1.0, len(stretch)))
            rounds -= len(stretch)

    @property
    def exclusive_rounds(self) -> list[int]:
        return [count for exclusive, count in self.stretches if exclusive]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the timer and of the device; no other program runs."""
    clock = Clock()
    for module in (timer_module, clock_module):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(clock_module, "outside_load", lambda _: lambda: 0.0)
    return clock


@pytest.fixture
def make_device(clock: Clock) -> Callable[..., SimulatedDevice]:
    return partial(SimulatedDevice, clock)


@pytest.fixture
def device(clock: Clock) -> SimulatedDevice:
    return SimulatedDevice(clock)
