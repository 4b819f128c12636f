import logging
import sqlite3
from collections.abc import Callable
from threading import Event

import pytest
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import OperationalError

from gansearch.errors import StudyError
from gansearch.search.storage import writer as module
from gansearch.search.storage.writer import Writer, retry


def failing(times: int, message: str) -> tuple[Callable[[], None], list[int]]:
    """An operation that the database refuses at first, and the tries so far."""
    tries: list[int] = []

    def operation() -> None:
        tries.append(len(tries))
        if len(tries) <= times:
            original = sqlite3.OperationalError(message)
            raise StorageInternalError from OperationalError("UPDATE", {}, original)

    return operation, tries


def test_operations_are_done_in_order_beside_the_caller() -> None:
    done: list[int] = []
    gate = Event()
    writer = Writer("x", lambda: None, 60)
    writer.submit(lambda: done.extend([] if gate.wait(10) else [-1]))
    for number in range(100):
        writer.submit(lambda number=number: done.append(number))  # type: ignore[misc]
    assert done == []  # the caller did not wait
    gate.set()
    writer.flush()
    assert done == list(range(100))
    writer.close()


def test_a_database_that_is_away_for_a_while_is_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    operation, tries = failing(3, "database is locked")
    with caplog.at_level(logging.WARNING):
        retry(operation, 60)
    assert len(tries) == 4
    assert "database is locked" in caplog.text


def test_waiting_has_an_end_and_what_does_not_pass_is_not_waited_for() -> None:
    with pytest.raises(StorageInternalError):
        retry(failing(1000, "database is locked")[0], 0.2)
    operation, tries = failing(1000, "database or disk is full")
    with pytest.raises(StorageInternalError):
        retry(operation, 60)
    assert len(tries) == 1


def test_nothing_is_written_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.2)
    done: list[str] = []
    writer = Writer("the place", lambda: None, 60)
    writer.submit(lambda: done.append("before"))
    writer.submit(failing(1000, "server closed the connection")[0])
    writer._queue.put(lambda: done.append("after"))
    for verb in (writer.flush, writer.close, lambda: writer.submit(lambda: None)):
        with pytest.raises(StudyError, match=r"the place cannot be written.*server closed"):
            verb()
    assert done == ["before"]


def test_a_lease_that_is_lost_ends_the_writing() -> None:
    def lost() -> None:
        raise StudyError("taken over")

    def write() -> None:
        writer.submit(lambda: done.append("written"))  # may raise by now: the thread is at work
        writer.flush()

    done: list[str] = []
    writer = Writer("x", lost, 0.0)  # a heartbeat is due at each operation
    with pytest.raises(StudyError, match="taken over"):
        write()
    assert done == []
    with pytest.raises(StudyError, match="taken over"):
        writer.close()
