"""A trial's own cores, with real processes beside."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from gansearch.search.engine import cores as cores_module
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


@pytest.mark.parametrize("missing", [1, 0.5, 0, -8])
def test_a_quota_below_the_cores_leaves_none_to_a_trial_alone(
    monkeypatch: pytest.MonkeyPatch, allowed: set[int], missing: float
) -> None:
    monkeypatch.setattr(cores_module, "quota", lambda: len(allowed) - missing)
    with exclusive_cores(1) as cores:
        assert bool(cores) == (missing <= 0)
