"""Locks, with real processes that hold them."""

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

from gansearch.hardware.locks import TurnLock, lock_file, locked, locked_at_once

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
    with lock.beside():
        time.sleep(0.05)
"""
"""Takes turns without an end, each right after the last."""

Process = subprocess.Popen[str]
Start = Callable[..., Process]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody else's locks."""
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


def is_alone(patience: float) -> bool:
    with TurnLock("device").alone(patience) as alone:
        return alone()


def those_who_hold(processes: list[Process], timeout: float) -> list[Process]:
    ready, _, _ = select.select([process.stdout for process in processes], [], [], timeout)
    return [process for process in processes if process.stdout in ready]


def gate_is_free() -> bool:
    with locked_at_once(lock_file("device.gate")) as free:
        return free


def test_many_are_beside_each_other(start: Start) -> None:
    for process in [start(HOLD, "beside") for _ in range(3)]:
        wait_until_held(process)
    with TurnLock("device").beside():
        pass


def test_one_is_alone_only_once_the_last_other_has_left(start: Start) -> None:
    others = [start(HOLD, "beside") for _ in range(2)]
    for process in others:
        wait_until_held(process)
    assert not is_alone(patience=0.05)
    let_go(others[0])
    assert not is_alone(patience=0.05)
    let_go(others[1])
    assert is_alone(patience=0.0)


def test_one_who_is_alone_keeps_everyone_out(start: Start) -> None:
    with TurnLock("device").alone() as alone:
        assert alone()
        others = [start(HOLD, how) for how in ("beside", "beside", "alone")]
        while gate_is_free():  # until one of them has come so far
            time.sleep(0.01)
        assert not those_who_hold(others, timeout=0.2)
    while others:
        process = those_who_hold(others, timeout=30)[0]
        let_go(process)
        others.remove(process)


def test_those_who_keep_coming_do_not_keep_one_waiting_for_ever(start: Start) -> None:
    """Three whose turns overlap leave no moment at which nobody holds the lock."""
    for process in [start(TURNS) for _ in range(3)]:
        wait_until_held(process)
    assert all(is_alone(patience=30.0) for _ in range(3))


def test_one_whose_patience_ends_goes_on_beside_the_others_and_keeps_nobody_out(
    start: Start,
) -> None:
    wait_until_held(start(HOLD, "beside"))
    with TurnLock("device").alone(patience=0.05) as alone:
        assert not alone()
        wait_until_held(start(HOLD, "beside"))


def test_one_who_asks_nobody_to_leave_learns_whether_somebody_was_there(start: Start) -> None:
    lock = TurnLock("device")
    with lock.beside() as was_alone:
        assert was_alone()
    with lock.beside() as was_alone:
        other = start(HOLD, "beside")
        wait_until_held(other)
        assert not was_alone()
    with lock.beside() as was_alone:
        let_go(other)
        assert not was_alone()


@pytest.mark.parametrize("how", ["beside", "alone"])
def test_the_dead_hold_nothing(start: Start, how: str) -> None:
    holder = start(HOLD, how)
    wait_until_held(holder)
    holder.kill()
    holder.wait()
    assert is_alone(patience=0.0)


def test_a_fork_that_outlives_its_parents_turn_holds_nothing() -> None:
    with TurnLock("device").alone():
        child = os.fork()
        if child == 0:
            time.sleep(30)
            os._exit(0)
    try:
        assert is_alone(patience=0.0)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_an_error_lets_go() -> None:
    def fail() -> None:
        with TurnLock("device").alone():
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail()
    assert is_alone(patience=0.0)


def test_different_devices_have_nothing_to_do_with_each_other() -> None:
    with TurnLock("one").alone() as one, TurnLock("other").alone() as other:
        assert one()
        assert other()


def test_a_lock_that_is_free_is_had_at_once() -> None:
    file = lock_file("core-0")
    with locked(file), locked_at_once(file) as free:
        assert not free
    with locked_at_once(file) as free:
        assert free
