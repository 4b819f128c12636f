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
"""Texts of operational errors that do not pass with time."""

Errors = tuple[type[Exception], ...]

AWAY: Errors = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError)
"""Errors of a database that is locked, restarting or unreachable."""

Operation = Callable[[], None]


def retry(operation: Operation, seconds: float, passing: Errors = AWAY) -> None:
    """Execute ``operation``, with retries for up to ``seconds`` while the database is unreachable.

    Args:
        operation: an idempotent operation.
        seconds: time after which its error is raised.
        passing: the retryable errors.
    """
    deadline = time.monotonic() + seconds
    delay = 0.05
    while True:
        try:
            return operation()
        except (StorageInternalError, sqlalchemy.exc.SQLAlchemyError) as error:
            if not _may_pass(error, passing) or time.monotonic() + delay > deadline:
                raise
            log.warning("the study's storage does not answer, trying again: %s", describe(error))
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


def _may_pass(error: Exception, passing: Errors) -> bool:
    stays = any(text in str(_original(error)) for text in PERMANENT)
    return isinstance(_unwrapped(error), passing) and not stays


class Writer:
    """Executes operations in order in a thread, with a heartbeat between them.

    After an operation has failed permanently, no other is executed. The record is therefore always
    a prefix of the history.

    Args:
        place: target of the operations, for messages.
        beat: heartbeat, due ``interval`` after the last; runs before an operation or when idle.
        interval: seconds between heartbeats.
    """

    def __init__(self, place: str, beat: Operation, interval: float) -> None:
        self._place = place
        self._beat = beat
        self._interval = interval
        self._last_beat = time.time()  # not monotonic: that clock stops while a machine sleeps
        self._error: Exception | None = None
        self._queue: queue.Queue[Operation | None] = queue.Queue()
        self._thread = Thread(target=self._run, name="gansearch-writer", daemon=True)
        self._thread.start()

    def submit(self, operation: Operation) -> None:
        """Queue ``operation``, which may be executed twice.

        Raises:
            StudyError: an earlier operation failed.
        """
        self._raise_error()
        self._queue.put(operation)

    def flush(self) -> None:
        """Wait until all operations so far are done.

        Raises:
            StudyError: an operation failed.
        """
        self._queue.join()
        self._raise_error()

    def close(self) -> None:
        """Execute the remaining operations and end the thread.

        Raises:
            StudyError: an operation failed.
        """
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        self._raise_error()

    def _run(self) -> None:
        while True:
            try:
                operation = self._queue.get(timeout=self._interval)
            except queue.Empty:
                self._attempt(None)
                continue
            if operation is not None:
                self._attempt(operation)
            self._queue.task_done()
            if operation is None:
                return

    def _attempt(self, operation: Operation | None) -> None:
        if self._error is not None:
            return
        try:
            if time.time() - self._last_beat >= self._interval:
                retry(self._beat, RETRY_SECONDS)
                self._last_beat = time.time()
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
                f"the study's record at {self._place} cannot be written: {describe(self._error)}; "
                "what was recorded before is safe: resume the study once this is mended"
            ) from self._error
