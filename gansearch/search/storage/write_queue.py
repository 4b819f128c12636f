"""A thread that executes slow write operations in order."""

from __future__ import annotations

import logging
import queue
import random
import time
from collections.abc import Callable
from threading import Thread

import sqlalchemy
from optuna.exceptions import StorageInternalError

from gansearch.errors import StudyError

log = logging.getLogger(__name__)

RETRY_SECONDS = 300.0
"""Time for which a study retries an unreachable database, in seconds."""

PERMANENT = (
    "disk is full",
    "malformed",
    "No space left",
    "not a database",
    "readonly",
    "unable to open",
)
"""Texts in operational errors that are not worth retrying."""

ErrorTypes = tuple[type[Exception], ...]

UNREACHABLE: ErrorTypes = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError)
"""Errors worth retrying: the database is locked, restarting or unreachable."""

Operation = Callable[[], None]


def retry(operation: Operation, seconds: float, retryable: ErrorTypes = UNREACHABLE) -> None:
    """Execute ``operation``, with retries for up to ``seconds`` while the database is unreachable.

    Args:
        operation: an idempotent operation.
        seconds: time after which its error is raised.
        retryable: types of errors worth retrying.
    """
    deadline = time.monotonic() + seconds
    delay = 0.05
    while True:
        try:
            return operation()
        except (StorageInternalError, sqlalchemy.exc.SQLAlchemyError) as error:
            if not _is_retryable(error, retryable) or time.monotonic() + delay > deadline:
                raise
            log.warning("the study's storage does not answer; retrying: %s", describe(error))
        time.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, guards nothing
        delay = min(2 * delay, 5.0)


def describe(error: BaseException) -> str:
    """Format the database's own message on one line."""
    original = _original(error)
    return f"{type(original).__name__}: {original}".partition("\n")[0]


def _unwrapped(error: BaseException) -> BaseException:
    return error.__cause__ or error if isinstance(error, StorageInternalError) else error


def _original(error: BaseException) -> BaseException:
    # Optuna wraps SQLAlchemy's error, which wraps the driver's.
    inner = _unwrapped(error)
    original: BaseException | None = getattr(inner, "orig", None)
    return original or inner


def _is_retryable(error: Exception, retryable: ErrorTypes) -> bool:
    permanent = any(text in str(_original(error)) for text in PERMANENT)
    return isinstance(_unwrapped(error), retryable) and not permanent


class WriteQueue:
    """A queue of operations that a thread executes in order, with a heartbeat between them.

    After an operation has failed permanently, no other is executed. The record is therefore always
    a prefix of the history.

    Args:
        target: target of the operations, for messages.
        heartbeat: due ``interval`` after the last one; runs before an operation or when idle.
        interval: seconds between heartbeats.
    """

    def __init__(self, target: str, heartbeat: Operation, interval: float) -> None:
        self._target = target
        self._heartbeat = heartbeat
        self._interval = interval
        self._last_heartbeat = time.time()  # not monotonic: that clock stops while a machine sleeps
        self._error: Exception | None = None
        self._operations: queue.Queue[Operation | None] = queue.Queue()
        self._thread = Thread(target=self._run, name="gansearch-writer", daemon=True)
        self._thread.start()

    def submit(self, operation: Operation) -> None:
        """Queue ``operation``, which may be executed twice.

        Raises:
            StudyError: an earlier operation failed.
        """
        self._raise_error()
        self._operations.put(operation)

    def flush(self) -> None:
        """Wait until all operations so far are done.

        Raises:
            StudyError: an operation failed.
        """
        self._operations.join()
        self._raise_error()

    def close(self) -> None:
        """Execute the remaining operations and end the thread.

        Raises:
            StudyError: an operation failed.
        """
        if self._thread.is_alive():
            self._operations.put(None)
            self._thread.join()
        self._raise_error()

    def _run(self) -> None:
        while True:
            try:
                operation = self._operations.get(timeout=self._interval)
            except queue.Empty:
                self._attempt(None)
                continue
            if operation is not None:
                self._attempt(operation)
            self._operations.task_done()
            if operation is None:
                return

    def _attempt(self, operation: Operation | None) -> None:
        if self._error is not None:
            return
        try:
            if time.time() - self._last_heartbeat >= self._interval:
                retry(self._heartbeat, RETRY_SECONDS)
                self._last_heartbeat = time.time()
            if operation is not None:
                retry(operation, RETRY_SECONDS)
        except Exception as error:
            log.exception("the study's record can no longer be written")
            self._error = error

    def _raise_error(self) -> None:
        if isinstance(self._error, StudyError):
            raise self._error
        if self._error is not None:
            raise StudyError(
                f"the study's record at {self._target} cannot be written: {describe(self._error)}; "
                "everything recorded before is safe: resume the study when the storage works again"
            ) from self._error
