"""The device that a trial runs on, which it may share with others of its host."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch

from gansearch.locks import TurnLock

_CPU_INFO = Path("/proc/cpuinfo")


def device_name(device: torch.device) -> str:
    """The kind of a device, such as ``NVIDIA H100`` or ``CPU AMD EPYC 9654``."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    lines = _CPU_INFO.read_text().splitlines() if _CPU_INFO.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"CPU {next(models, platform.processor() or platform.machine())}"


class Turns:
    """One process's turns on a device that others of its host may use too.

    A GPU is shared by those that use it; the CPU, whose cores have memory and clock in common, by
    all whose device it is. Whoever works on a device takes turns short enough for others, so that
    one of them can be alone with it for a moment, to measure. One turn at a time.

    Args:
        device: that the work is done on.

    Attributes:
        waited: seconds spent waiting for turns.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._lock = TurnLock(_key(device))
        self.waited = 0.0

    @contextmanager
    def beside(self) -> Iterator[Callable[[], None]]:
        """A turn beside others; yields what is to be called now and then: it lets others in."""
        with ExitStack() as turn:

            def take() -> None:
                turn.close()
                with self._waiting():
                    turn.enter_context(self._lock.beside())
                turn.callback(self._finish)

            take()
            yield take

    @contextmanager
    def measured(self, *, alone: bool) -> Iterator[Callable[[], bool]]:
        """A turn that is measured; yields what tells at its end whether nobody else was there.

        Args:
            alone: whether to wait for the others to leave, for a while, rather than be beside them.
        """
        with ExitStack() as turn:
            with self._waiting():
                lock = self._lock.alone() if alone else self._lock.beside()
                was_alone = turn.enter_context(lock)
            turn.callback(self._finish)
            yield was_alone

    def _finish(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)  # what was launched in a turn belongs to it

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.waited += time.perf_counter() - started


def _key(device: torch.device) -> str:
    if device.type != "cuda":
        return device.type
    return f"gpu-{torch.cuda.get_device_properties(device).uuid}"
