"""The number of cores of this host usable by this process."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """Return the number of cores that this process may use at once, at least 1.

    It is the size of the affinity mask (``taskset``, a cpuset), limited by a container's quota.
    """
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    return max(1, int(min(len(os.sched_getaffinity(0)), quota())))


def quota() -> float:
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
