"""Outside load, with other programs in real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from gansearch.hardware.load import outside_load

CPU = torch.device("cpu")
SECONDS = 0.5

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists(), reason="this system does not count waits for cores"
)


def work(seconds: float = SECONDS) -> None:
    """Compute for some seconds."""
    ended = time.perf_counter() + seconds
    while time.perf_counter() < ended:
        pass


@pytest.fixture
def core() -> Iterator[int]:
    """The core that this thread is bound to."""
    allowed = os.sched_getaffinity(0)
    chosen = max(allowed)
    os.sched_setaffinity(0, {chosen})
    yield chosen
    os.sched_setaffinity(0, allowed)


@contextmanager
def other_programs(count: int) -> Iterator[None]:
    """Run programs that are busy on this thread's core."""
    script = "import sys; print(flush=True)\nwhile True: pass"
    programs = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        for _ in range(count)
    ]
    try:
        for program in programs:
            assert program.stdout is not None
            program.stdout.readline()
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def test_programs_on_the_same_core_are_outside_load(core: int) -> None:
    with other_programs(3):
        lost = outside_load(CPU)
        work()
        assert lost() > 0.4 * SECONDS  # three quarters, had all the same priority


def test_waiting_for_something_else_is_no_outside_load(core: int) -> None:
    with other_programs(3):
        lost = outside_load(CPU)
        time.sleep(SECONDS)
        assert lost() < 0.1 * SECONDS


def test_threads_of_the_same_process_are_no_outside_load(core: int) -> None:
    """Each thread waits while the others compute."""
    shares = []
    for _ in range(5):  # others may be on the core meanwhile
        lost = outside_load(CPU)
        threads = [threading.Thread(target=work) for _ in range(3)]
        started, used = time.perf_counter(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall, cpu = time.perf_counter() - started, time.process_time() - used
        shares.append((lost() - (wall - cpu)) / wall)
    assert min(shares) < 0.05


def test_the_outside_load_of_a_gpu_is_0() -> None:
    seen: Callable[[], float] = outside_load(torch.device("cuda"))
    assert seen() == 0
