"""Locks that are held by real processes."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gansearch.hardware.locks import TurnLock, lock_file, locked, locked_if_free

HOLD = """
import sys
from gansearch.hardware.locks import TurnLock
with getattr(TurnLock("device"), sys.argv[1])():
    print("held", flush=True)
    sys.stdin.readline()
"""
"""Holds the lock until a line comes."""

TURNS = """
import sys, time
from gansearch.hardware.locks import TurnLock
lock = TurnLock("device")
print("ready", flush=True)
while True:
    with lock.shared():
        time.sleep(0.05)
"""
"""Takes one shared turn after the other, without an end."""

Process = subprocess.Popen[str]
Start = Callable[..., Process]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use locks of this test alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts a process; all of them end with the test."""
    with ExitStack() as running:

        def start(script: str, *arguments: str) -> Process:
            process = subprocess.Popen(
                [sys.executable, "-c", script, *arguments],
                env={**os.environ, "TMPDIR": str(folder)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            running.enter_context(process)
            running.callback(process.kill)
            return process

        yield start


def wait_until_held(process: Process) -> None:
    assert process.stdout is not None
    assert process.stdout.readline()


def let_go(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.wait() == 0


def is_alone(timeout: float) -> bool:
    with TurnLock("device").exclusive(timeout) as alone:
        return alone()


def those_who_hold(processes: list[Process], timeout: float) -> list[Process]:
    ready, _, _ = select.select([process.stdout for process in processes], [], [], timeout)
    return [process for process in processes if process.stdout in ready]


def gate_is_free() -> bool:
    with locked_if_free(lock_file("device.gate")) as free:
        return free


def test_shared_turns_overlap(start: Start) -> None:
    for process in [start(HOLD, "shared") for _ in range(3)]:
        wait_until_held(process)
    with TurnLock("device").shared():
        pass


def test_an_exclusive_turn_begins_after_the_last_shared_one(start: Start) -> None:
    others = [start(HOLD, "shared") for _ in range(2)]
    for process in others:
        wait_until_held(process)
    assert not is_alone(timeout=0.05)
    let_go(others[0])
    assert not is_alone(timeout=0.05)
    let_go(others[1])
    assert is_alone(timeout=0.0)


def test_no_turn_begins_during_an_exclusive_one(start: Start) -> None:
    with TurnLock("device").exclusive() as alone:
        assert alone()
        others = [start(HOLD, how) for how in ("shared", "shared", "exclusive")]
        while gate_is_free():  # until one of them has come so far
            time.sleep(0.01)
        assert not those_who_hold(others, timeout=0.2)
    while others:
        process = those_who_hold(others, timeout=30)[0]
        let_go(process)
        others.remove(process)


def test_new_shared_turns_do_not_starve_an_exclusive_one(start: Start) -> None:
    """The shared turns of three processes overlap at all times."""
    for process in [start(TURNS) for _ in range(3)]:
        wait_until_held(process)
    assert all(is_alone(timeout=30.0) for _ in range(3))


def test_after_the_timeout_the_turn_is_shared(
    start: Start,
) -> None:
    wait_until_held(start(HOLD, "shared"))
    with TurnLock("device").exclusive(timeout=0.05) as alone:
        assert not alone()
        wait_until_held(start(HOLD, "shared"))


def test_a_shared_turn_tells_whether_another_process_held_one(start: Start) -> None:
    lock = TurnLock("device")
    with lock.shared() as was_alone:
        assert was_alone()
    with lock.shared() as was_alone:
        other = start(HOLD, "shared")
        wait_until_held(other)
        assert not was_alone()
    with lock.shared() as was_alone:
        let_go(other)
        assert not was_alone()


@pytest.mark.parametrize("how", ["shared", "exclusive"])
def test_a_killed_process_holds_no_lock(start: Start, how: str) -> None:
    holder = start(HOLD, how)
    wait_until_held(holder)
    holder.kill()
    holder.wait()
    assert is_alone(timeout=0.0)


def test_a_child_process_does_not_keep_its_parents_turn() -> None:
    with TurnLock("device").exclusive():
        child = os.fork()
        if child == 0:
            time.sleep(30)
            os._exit(0)
    try:
        assert is_alone(timeout=0.0)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_an_error_releases_the_lock() -> None:
    def fail() -> None:
        with TurnLock("device").exclusive():
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail()
    assert is_alone(timeout=0.0)


def test_locks_of_different_devices_are_independent() -> None:
    with TurnLock("one").exclusive() as one, TurnLock("other").exclusive() as other:
        assert one()
        assert other()


def test_a_lock_is_taken_only_if_it_is_free() -> None:
    file = lock_file("core-0")
    with locked(file), locked_if_free(file) as free:
        assert not free
    with locked_if_free(file) as free:
        assert free
