"""A trial's own cores, with real processes beside."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from gansearch.search.engine import cluster as cluster_module
from gansearch.search.engine import cores as own_cores_module
from gansearch.search.engine.cores import own_cores
from gansearch.space import parse_space

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system does not pin threads"
)
SPACE = """
variant: gan
data: {name: digits}
parameters: {g_lr: [0.1, 0.2]}
objectives: {fd_digits: minimize, seconds_per_kimg: minimize}
budget: {trials: 2, max_kimg: 1}
"""
NONE: frozenset[int] = frozenset()

HOLD = """
import sys
from gansearch.search.engine.cores import own_cores
with own_cores(1) as cores:
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


def test_this_thread_and_those_it_starts_are_on_the_cores_until_the_end(allowed: set[int]) -> None:
    seen: list[set[int]] = []
    with own_cores(1) as cores:
        assert len(cores) == 1
        assert os.sched_getaffinity(0) == cores <= allowed
        thread = Thread(target=lambda: seen.append(os.sched_getaffinity(0)))
        thread.start()
        thread.join()
    assert seen == [cores]
    assert os.sched_getaffinity(0) == allowed


def test_what_raises_is_let_go_too(allowed: set[int]) -> None:
    def fail() -> None:
        with own_cores(len(allowed)):
            raise ArithmeticError

    for _ in range(2):
        with pytest.raises(ArithmeticError):
            fail()
        assert os.sched_getaffinity(0) == allowed
    with own_cores(len(allowed)) as cores:
        assert cores == allowed


@pytest.mark.parametrize("cpus", [0, 0.5, 1.5, 10**6])
def test_fractions_and_too_many_share(allowed: set[int], cpus: float) -> None:
    with own_cores(cpus) as cores:
        assert cores == NONE
        assert os.sched_getaffinity(0) == allowed


def test_nobody_has_anothers_core_until_it_dies(
    allowed: set[int], other: subprocess.Popen[str]
) -> None:
    assert other.stdout is not None
    taken = {int(core) for core in other.stdout.readline().split()}
    assert len(taken) == 1
    with own_cores(len(allowed)) as cores:  # one too few are free, and none is kept for that
        assert cores == NONE
    if len(allowed) > 1:
        with own_cores(len(allowed) - 1) as cores:
            assert cores == allowed - taken
    other.kill()
    other.wait()
    with own_cores(len(allowed)) as cores:
        assert cores == allowed


@pytest.mark.parametrize("missing", [1, 0.5, 0, -8])
def test_a_quota_below_the_cores_leaves_none_to_a_trial_alone(
    monkeypatch: pytest.MonkeyPatch, allowed: set[int], missing: float
) -> None:
    monkeypatch.setattr(own_cores_module, "quota", lambda: len(allowed) - missing)
    with own_cores(1) as cores:
        assert bool(cores) == (missing <= 0)


def test_a_local_ray_has_the_cores_that_this_process_may_use(
    monkeypatch: pytest.MonkeyPatch, allowed: set[int]
) -> None:
    """Of those, no two trials share one: as with ``taskset`` before the command."""
    asked: dict[str, Any] = {}
    monkeypatch.setattr(cluster_module.ray, "init", lambda *_, **options: asked.update(options))
    monkeypatch.setattr(cluster_module.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(cluster_module, "capacity", lambda _: 1)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        with cluster_module.cluster(None, parse_space(SPACE, "s.yaml")):
            assert asked["num_cpus"] == 1
    finally:
        os.sched_setaffinity(0, allowed)
