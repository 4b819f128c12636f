"""Observers can neither slow a study nor end it."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from gansearch.record import StudyRecord
from gansearch.study import observers


class RecordingObserver:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.thread: threading.Thread | None = None

    def update(self, record: StudyRecord) -> None:
        self.calls.append(record.name)
        self.thread = threading.current_thread()

    def close(self, _record: StudyRecord) -> None:
        self.calls.append("closed")


class FailingObserver(RecordingObserver):
    def update(self, _record: StudyRecord) -> None:
        self.calls.append("failed")
        raise RuntimeError("no server")


class StuckObserver(RecordingObserver):
    def __init__(self) -> None:
        super().__init__()
        self.release = threading.Event()

    def update(self, _record: StudyRecord) -> None:
        self.release.wait(30)


@pytest.fixture(autouse=True)
def _short_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observers, "UPDATE_SECONDS", 0.01)


def snapshot() -> StudyRecord:
    return StudyRecord("s", "", "", 0.0, {}, ())


def until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_an_observer_is_updated_in_its_own_thread_and_closed_once() -> None:
    observer = RecordingObserver()
    with observers.run_observers([observer], snapshot):
        until(lambda: len(observer.calls) >= 3)
    assert observer.calls.count("closed") == 1
    assert observer.calls[-1] == "closed"
    assert set(observer.calls[:-1]) == {"s"}
    assert observer.thread is not threading.current_thread()


def test_an_observer_of_a_study_that_ends_at_once_is_closed() -> None:
    observer = RecordingObserver()
    with observers.run_observers([observer], snapshot):
        pass
    assert observer.calls[-1] == "closed"


def test_errors_of_an_observer_are_logged_with_one_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failing, observer = FailingObserver(), RecordingObserver()
    with observers.run_observers([failing, observer], snapshot):
        until(lambda: failing.calls.count("failed") >= 3)
    assert failing.calls[-1] == "closed"
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert warnings[0].exc_info
    assert "no server" in warnings[0].getMessage()
    assert observer.calls[-1] == "closed"


def test_a_stuck_observer_delays_neither_the_study_nor_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stuck, observer = StuckObserver(), RecordingObserver()
    with observers.run_observers([stuck, observer], snapshot, close_seconds=0.2):
        until(lambda: len(observer.calls) >= 3)
    assert observer.calls[-1] == "closed"
    assert "StuckObserver did not finish within" in caplog.text
    stuck.release.set()


def test_observers_are_closed_when_the_study_fails() -> None:
    observer = RecordingObserver()
    with pytest.raises(ZeroDivisionError), observers.run_observers([observer], snapshot):
        raise ZeroDivisionError
    assert observer.calls[-1] == "closed"
