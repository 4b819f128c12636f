"""Load from outside: time that a process's threads wanted a core and other programs had it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch

_THREADS = Path("/proc/self/task")


def outside_load(device: torch.device) -> Callable[[], float]:
    """Starts now; gives the seconds that other programs kept this process from its cores.

    It is the wait for a core of the thread that waited longest, as Linux's scheduler counts it
    (``schedstat``), and at most what this process's CPU time falls short of the wall clock on all
    the cores that it may use: its own threads are no load from outside. Where the scheduler does
    not count, and for a GPU, it is 0.

    Args:
        device: that the process computes on.
    """
    if device.type != "cpu" or not Path("/proc/self/schedstat").exists():
        return lambda: 0.0
    started, used, waits = time.perf_counter(), time.process_time(), _waits()

    def lost() -> float:
        wall = time.perf_counter() - started
        unused = len(os.sched_getaffinity(0)) * wall - (time.process_time() - used)
        longest = max(wait - waits.get(thread, 0.0) for thread, wait in _waits().items())
        return max(0.0, min(longest, unused))

    return lost


def _waits() -> dict[str, float]:
    """Seconds that each thread has been ready to run without a core."""
    found = {}
    for thread in _THREADS.iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            found[thread.name] = int((thread / "schedstat").read_text().split()[1]) / 1e9
    return found
