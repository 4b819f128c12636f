import logging
import sqlite3
from collections.abc import Callable
from threading import Event

import pytest
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import OperationalError

from gansearch.errors import StudyError
from gansearch.search.storage import write_queue as module
from gansearch.search.storage.write_queue import WriteQueue, retry


def failing(times: int, message: str) -> tuple[Callable[[], None], list[int]]:
    """An operation that the database refuses at first, and the tries so far."""
    tries: list[int] = []

    def operation() -> None:
        tries.append(len(tries))
        if len(tries) <= times:
            original = sqlite3.OperationalError(message)
            raise StorageInternalError from OperationalError("UPDATE", {}, original)

    return operation, tries


def test_operations_are_executed_in_order_without_blocking_the_caller() -> None:
    done: list[int] = []
    gate = Event()
    operations = WriteQueue("x", lambda: None, 60)
    operations.submit(lambda: done.extend([] if gate.wait(10) else [-1]))
    for number in range(100):
        operations.submit(lambda number=number: done.append(number))  # type: ignore[misc]
    assert done == []  # the caller did not wait
    gate.set()
    operations.flush()
    assert done == list(range(100))
    operations.close()


def test_operations_are_retried_while_the_database_is_unreachable(
    caplog: pytest.LogCaptureFixture,
) -> None:
    operation, tries = failing(3, "database is locked")
    with caplog.at_level(logging.WARNING):
        retry(operation, 60)
    assert len(tries) == 4
    assert "database is locked" in caplog.text


def test_retries_end_after_a_time_and_permanent_errors_are_not_retried() -> None:
    with pytest.raises(StorageInternalError):
        retry(failing(1000, "database is locked")[0], 0.2)
    operation, tries = failing(1000, "database or disk is full")
    with pytest.raises(StorageInternalError):
        retry(operation, 60)
    assert len(tries) == 1


def test_no_operation_is_executed_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.2)
    done: list[str] = []
    operations = WriteQueue("the place", lambda: None, 60)
    operations.submit(lambda: done.append("before"))
    operations.submit(failing(1000, "server closed the connection")[0])
    operations._operations.put(lambda: done.append("after"))
    for verb in (operations.flush, operations.close, lambda: operations.submit(lambda: None)):
        with pytest.raises(StudyError, match=r"the place cannot be written.*server closed"):
            verb()
    assert done == ["before"]


def test_a_lost_lease_ends_the_queue() -> None:
    def lost_lease() -> None:
        raise StudyError("taken over")

    def write() -> None:
        operations.submit(lambda: done.append("written"))  # may raise by now: the thread is at work
        operations.flush()

    done: list[str] = []
    operations = WriteQueue("x", lost_lease, 0.0)  # a heartbeat is due at each operation
    with pytest.raises(StudyError, match="taken over"):
        write()
    assert done == []
    with pytest.raises(StudyError, match="taken over"):
        operations.close()
