"""Exclusive cores of this host for a trial."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from gansearch.hardware.cores import quota
from gansearch.hardware.locks import lock_file, locked, locked_if_free


@contextmanager
def exclusive_cores(cpus: float) -> Iterator[frozenset[int]]:
    """Pin this thread and its future threads to cores that no other trial of this host has.

    The training thread starts the threads that compute. The cores are free again at the end, or
    when the process dies. There are three cases in which the trial shares cores. It has a fraction
    of a core, too few cores are free, or a container's quota is less than the visible cores, since
    other processes may then use each of them.

    Args:
        cpus: CPU cores of the trial.

    Yields:
        The cores; empty if the trial shares.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield frozenset()
        return
    allowed = os.sched_getaffinity(0)
    with ExitStack() as claims:
        cores = _claimed(allowed, cpus, claims) if _has_quota_for(allowed) else frozenset()
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
                locked_if_free(lock_file(f"core-{core}"))
            ):
                claimed.add(core)
        if len(claimed) == cpus:
            claims.push(mine.pop_all())
            return frozenset(claimed)
    return frozenset()


def _has_quota_for(cores: set[int]) -> bool:
    """Whether the containers' quotas cover all these cores."""
    return quota() >= len(cores)
