"""Outside load: time that threads of this process wait for cores used by other programs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch

_THREADS = Path("/proc/self/task")


def outside_load(device: torch.device) -> Callable[[], float]:
    """Start measuring; the returned function gives the seconds taken by other programs.

    The value is the longest wait of a thread for a core, as counted by Linux's scheduler
    (``schedstat``). It is bounded by the unused time of the process's cores: wall time times cores,
    less CPU time. The bound keeps threads of the same process from counting as outside load. The
    value is 0 for a GPU and without ``schedstat``.

    Args:
        device: device that the process computes on.
    """
    if device.type != "cpu" or not Path("/proc/self/schedstat").exists():
        return lambda: 0.0
    started, used, waits = time.perf_counter(), time.process_time(), _waits()

    def outside_seconds() -> float:
        wall = time.perf_counter() - started
        unused = len(os.sched_getaffinity(0)) * wall - (time.process_time() - used)
        longest = max(wait - waits.get(thread, 0.0) for thread, wait in _waits().items())
        return max(0.0, min(longest, unused))

    return outside_seconds


def _waits() -> dict[str, float]:
    """Seconds that each thread has waited for a core while ready to run."""
    found = {}
    for thread in _THREADS.iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended
            found[thread.name] = int((thread / "schedstat").read_text().split()[1]) / 1e9
    return found
