"""Observers can neither slow a study nor end it."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from gansearch.record import StudyRecord
from gansearch.study import observers as following


class Watcher:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.thread: threading.Thread | None = None

    def update(self, record: StudyRecord) -> None:
        self.calls.append(record.name)
        self.thread = threading.current_thread()

    def close(self, _record: StudyRecord) -> None:
        self.calls.append("closed")


class Failing(Watcher):
    def update(self, _record: StudyRecord) -> None:
        self.calls.append("failed")
        raise RuntimeError("no server")


class Stuck(Watcher):
    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def update(self, _record: StudyRecord) -> None:
        self.let_go.wait(30)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "UPDATE_SECONDS", 0.01)


def snapshot() -> StudyRecord:
    return StudyRecord("s", "", "", 0.0, {}, ())


def until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_an_observer_is_updated_beside_the_study_and_closed_once() -> None:
    watcher = Watcher()
    with following.following([watcher], snapshot):
        until(lambda: len(watcher.calls) >= 3)
    assert watcher.calls.count("closed") == 1
    assert watcher.calls[-1] == "closed"
    assert set(watcher.calls[:-1]) == {"s"}
    assert watcher.thread is not threading.current_thread()


def test_a_study_that_ends_at_once_is_still_shown() -> None:
    watcher = Watcher()
    with following.following([watcher], snapshot):
        pass
    assert watcher.calls[-1] == "closed"


def test_what_an_observer_raises_is_logged_with_one_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failing, watcher = Failing(), Watcher()
    with following.following([failing, watcher], snapshot):
        until(lambda: failing.calls.count("failed") >= 3)
    assert failing.calls[-1] == "closed"
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert warnings[0].exc_info
    assert "no server" in warnings[0].getMessage()
    assert watcher.calls[-1] == "closed"


def test_a_stuck_observer_holds_up_neither_the_study_nor_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stuck, watcher = Stuck(), Watcher()
    with following.following([stuck, watcher], snapshot, close_seconds=0.2):
        until(lambda: len(watcher.calls) >= 3)
    assert watcher.calls[-1] == "closed"
    assert "Stuck was still busy" in caplog.text
    stuck.let_go.set()


def test_observers_are_closed_when_the_study_fails() -> None:
    watcher = Watcher()
    with pytest.raises(ZeroDivisionError), following.following([watcher], snapshot):
        raise ZeroDivisionError
    assert watcher.calls[-1] == "closed"
