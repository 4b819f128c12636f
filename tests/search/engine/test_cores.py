"""A trial's own cores, with real processes beside."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from gansearch.hardware import cores as cores_module
from gansearch.hardware.cores import usable_cores
from gansearch.search.engine.cores import exclusive_cores

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system does not pin threads"
)
NONE: frozenset[int] = frozenset()

HOLD = """
import sys
from gansearch.search.engine.cores import exclusive_cores
with exclusive_cores(1) as cores:
    print(*cores, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else's locks."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def allowed() -> set[int]:
    return os.sched_getaffinity(0)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process with a core of its own, which it has said."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.kill()


def test_this_thread_and_its_threads_are_pinned_until_the_end(allowed: set[int]) -> None:
    seen: list[set[int]] = []
    with exclusive_cores(1) as cores:
        assert len(cores) == 1
        assert os.sched_getaffinity(0) == cores <= allowed
        thread = Thread(target=lambda: seen.append(os.sched_getaffinity(0)))
        thread.start()
        thread.join()
    assert seen == [cores]
    assert os.sched_getaffinity(0) == allowed


def test_cores_are_free_after_an_error(allowed: set[int]) -> None:
    def fail() -> None:
        with exclusive_cores(len(allowed)):
            raise ArithmeticError

    for _ in range(2):
        with pytest.raises(ArithmeticError):
            fail()
        assert os.sched_getaffinity(0) == allowed
    with exclusive_cores(len(allowed)) as cores:
        assert cores == allowed


@pytest.mark.parametrize("cpus", [0, 0.5, 1.5, 10**6])
def test_trials_with_a_fraction_or_too_many_cores_share(allowed: set[int], cpus: float) -> None:
    with exclusive_cores(cpus) as cores:
        assert cores == NONE
        assert os.sched_getaffinity(0) == allowed


def test_a_core_is_exclusive_until_its_process_dies(
    allowed: set[int], other: subprocess.Popen[str]
) -> None:
    assert other.stdout is not None
    taken = {int(core) for core in other.stdout.readline().split()}
    assert len(taken) == 1
    with exclusive_cores(len(allowed)) as cores:  # one too few are free, and none is kept for that
        assert cores == NONE
    if len(allowed) > 1:
        with exclusive_cores(len(allowed) - 1) as cores:
            assert cores == allowed - taken
    other.kill()
    other.wait()
    with exclusive_cores(len(allowed)) as cores:
        assert cores == allowed


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


@pytest.mark.parametrize("quota", QUOTAS)
def test_a_containers_quota_limits_the_cores_and_makes_them_shared(
    monkeypatch: pytest.MonkeyPatch, container: Callable[..., None], quota: str
) -> None:
    lines, files, limit = QUOTAS[quota]
    container(lines, files)
    allowed = {min(os.sched_getaffinity(0))}
    with exclusive_cores(1) as cores:
        assert bool(cores) == (limit is None or limit > len(os.sched_getaffinity(0)))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert usable_cores() == (limit or 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: allowed)
    assert usable_cores() == 1
