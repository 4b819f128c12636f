"""The device of a trial, which other trials of the host may share."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch

from gansearch.hardware.locks import TurnLock

_CPU_INFO = Path("/proc/cpuinfo")


def best_device() -> torch.device:
    """Return CUDA if there is a GPU, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_name(device: torch.device) -> str:
    """Kind of a device, such as ``NVIDIA H100`` or ``CPU AMD EPYC 9654``."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    lines = _CPU_INFO.read_text().splitlines() if _CPU_INFO.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"CPU {next(models, platform.processor() or platform.machine())}"


class DeviceLock:
    """A device's lock, with shared and exclusive turns for this process.

    All processes on the same GPU share one device lock. All processes on the CPU share another,
    because cores share memory and clock. Each process works in short shared turns, so that another
    process can get an exclusive turn for a measurement. A process holds one turn at a time.

    Args:
        device: device of the work.

    Attributes:
        waited_seconds: time spent waiting for turns.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._lock = TurnLock(_key(device))
        self.waited_seconds = 0.0

    @contextmanager
    def shared(self) -> Iterator[Callable[[], None]]:
        """Hold a shared turn.

        Yields:
            A function that ends the turn and starts the next one. Callers call it regularly, so
            that other processes can get exclusive turns.
        """
        with ExitStack() as turn:

            def next_turn() -> None:
                turn.close()
                with self._waiting():
                    turn.enter_context(self._lock.shared())
                turn.callback(self._finish)

            next_turn()
            yield next_turn

    @contextmanager
    def for_measurement(self, *, exclusive: bool) -> Iterator[Callable[[], bool]]:
        """Hold a turn for a measurement.

        Args:
            exclusive: whether to ask for an exclusive turn. If the other processes do not end their
                turns in time, this one is shared.

        Yields:
            A function that returns whether no other process held a turn; to be called at the end.
        """
        with ExitStack() as turn:
            with self._waiting():
                lock = self._lock.exclusive() if exclusive else self._lock.shared()
                was_exclusive = turn.enter_context(lock)
            turn.callback(self._finish)
            yield was_exclusive

    def _finish(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)  # a turn includes the work that it launched

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.waited_seconds += time.perf_counter() - started


def _key(device: torch.device) -> str:
    if device.type != "cuda":
        return device.type
    return f"gpu-{torch.cuda.get_device_properties(device).uuid}"
