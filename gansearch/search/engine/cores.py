"""Cores of this host that one trial has to itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gansearch.locks import lock_file, locked, locked_at_once

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


@contextmanager
def own_cores(cpus: float) -> Iterator[frozenset[int]]:
    """Pin this thread, and those that it starts, to cores that no other trial of this host has.

    Whoever trains starts the threads that compute. The cores are free again at the end, or when the
    process dies. A trial of a fraction of a core shares, and so does one that finds too few cores
    free. So does every one where a container's quota is less than the cores that it sees: others
    may be on each of them.

    Args:
        cpus: that the trial was given.

    Yields:
        The cores; none where it shares.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield frozenset()
        return
    allowed = os.sched_getaffinity(0)
    with ExitStack() as claims:
        cores = _claimed(allowed, cpus, claims) if _are_ours(allowed) else frozenset()
        if cores:
            claims.callback(os.sched_setaffinity, 0, allowed)
            os.sched_setaffinity(0, cores)
        yield cores


def _claimed(allowed: set[int], cpus: float, claims: ExitStack) -> frozenset[int]:
    if cpus < 1 or cpus != int(cpus):
        return frozenset()
    claimed: set[int] = set()
    with locked(lock_file("cores")), ExitStack() as mine:
        for core in sorted(allowed):
            if len(claimed) < cpus and mine.enter_context(
                locked_at_once(lock_file(f"core-{core}"))
            ):
                claimed.add(core)
        if len(claimed) == cpus:
            claims.push(mine.pop_all())
            return frozenset(claimed)
    return frozenset()


def _are_ours(cores: set[int]) -> bool:
    """Whether no container's quota, in the form of cgroups v2, is less than so many cores."""
    if not _QUOTA.exists():
        return True
    quota, period = _QUOTA.read_text().split()
    return quota == "max" or int(quota) >= len(cores) * int(period)
