"""The number of usable cores, with control groups as files."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gansearch.hardware import cores as cores_module
from gansearch.hardware.cores import quota, usable_cores


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Makes control groups: lines of ``/proc/self/cgroup``, and files' content by their path."""

    def make(lines: str, files: dict[str, str]) -> None:
        own, root = tmp_path / "own", tmp_path / "cgroup"
        own.write_text(lines)
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(f"{content}\n")
        monkeypatch.setattr(cores_module, "_OWN_CGROUPS", own)
        monkeypatch.setattr(cores_module, "_CGROUPS", root)

    return make


QUOTAS = {
    "none": ("0::/\n", {"cpu.max": "max 100000"}, None),
    "half a core": ("0::/\n", {"cpu.max": "50000 100000"}, 1),
    "three cores and a half": ("0::/\n", {"cpu.max": "350000 100000"}, 3),
    "of a slice above": (
        "0::/a.slice/b.scope\n",
        {"a.slice/cpu.max": "200000 100000", "a.slice/b.scope/cpu.max": "max 100000"},
        2,
    ),
    "version 1": (
        "3:cpuset:/\n1:cpu,cpuacct:/docker/x\n0::/\n",
        {"cpu/docker/x/cpu.cfs_quota_us": "100000", "cpu/docker/x/cpu.cfs_period_us": "50000"},
        2,
    ),
    "version 1, none": (
        "1:cpu:/\n",
        {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
        None,
    ),
}


@pytest.mark.parametrize("case", QUOTAS)
def test_a_containers_quota_limits_the_usable_cores(
    monkeypatch: pytest.MonkeyPatch, container: Callable[..., None], case: str
) -> None:
    lines, files, limit = QUOTAS[case]
    container(lines, files)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert usable_cores() == (limit or 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert usable_cores() == 1


def test_the_smallest_quota_on_the_path_counts(container: Callable[..., None]) -> None:
    files = {"a/cpu.max": "150000 100000", "a/b/cpu.max": "70000 100000", "c/cpu.max": "1 100000"}
    container("0::/a/b\n", files)
    assert quota() == 0.7


def test_without_control_groups_the_quota_is_infinite(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cores_module, "_OWN_CGROUPS", tmp_path / "missing")
    assert quota() == math.inf
