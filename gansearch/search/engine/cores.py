"""Cores of this host: the number usable by this process, and exclusive cores of a trial."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gansearch.locks import lock_file, locked, locked_at_once

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """Return the number of cores that this process may use at once, at least 1.

    It is the size of the affinity mask (``taskset``, a cpuset), limited by a container's quota.
    """
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    return max(1, int(min(len(os.sched_getaffinity(0)), _quota())))


@contextmanager
def own_cores(cpus: float) -> Iterator[frozenset[int]]:
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
    """Whether the containers' quotas cover all these cores."""
    return _quota() >= len(cores)


def _quota() -> float:
    """Return the smallest quota of this process's control groups, in cores; infinite without one.

    It reads cgroups v2 (``cpu.max``) and v1 (``cpu.cfs_quota_us``).
    """
    if not _OWN_CGROUPS.exists():
        return math.inf
    quotas = [math.inf]
    for line in _OWN_CGROUPS.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for group in (Path(path), *Path(path).parents):
            inside = group.relative_to("/")
            if not controllers:
                quotas += _quota_v2(_CGROUPS / inside)
            elif "cpu" in controllers.split(","):
                quotas += _quota_v1(_CGROUPS / "cpu" / inside)
    return min(quotas)


def _quota_v2(group: Path) -> list[float]:
    file = group / "cpu.max"
    if not file.exists():
        return []
    quota, period = file.read_text().split()
    return [] if quota == "max" else [int(quota) / int(period)]


def _quota_v1(group: Path) -> list[float]:
    files = [group / f"cpu.cfs_{name}_us" for name in ("quota", "period")]
    if not all(file.exists() for file in files):
        return []
    quota, period = (int(file.read_text()) for file in files)
    return [] if quota < 0 else [quota / period]
