"""Observers of a study, each in its own thread, so that none can slow or end the study."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from gansearch.record import Observer, StudyRecord
from gansearch.space import Space
from gansearch.study.messages import ProgressMessages

log = logging.getLogger(__name__)

UPDATE_SECONDS = 1.0
"""Seconds between two updates of an observer."""

CLOSE_SECONDS = 30.0
"""Most seconds that the end of a study waits for the final updates of all observers."""


@contextmanager
def run_observers(
    observers: Sequence[Observer],
    snapshot: Callable[[], StudyRecord],
    close_seconds: float = CLOSE_SECONDS,
) -> Iterator[None]:
    """Run observers of a study for the duration of the block.

    Args:
        observers: observers, one thread each; their exceptions are logged, the first with a
            traceback.
        snapshot: returns the study's current record.
        close_seconds: most seconds that the end waits for all of them together.
    """
    threads = [_ObserverThread(observer, snapshot) for observer in observers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.ended.set()
        deadline = time.monotonic() + close_seconds
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                log.warning("%s did not finish within %g s", thread.name, close_seconds)


class ProgressLog:
    """Observer that logs the progress of a study at level INFO.

    If the program has not configured logging, the lines go to standard error.

    Args:
        space: space of the study.
    """

    def __init__(self, space: Space) -> None:
        self._messages = ProgressMessages(space, panel=False)
        package = logging.getLogger("gansearch")
        if not package.hasHandlers() and package.level == logging.NOTSET:
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
            package.addHandler(handler)
            package.setLevel(logging.INFO)

    def update(self, record: StudyRecord) -> None:
        """Log what is new."""
        for line in self._messages.new(record)[1]:
            log.info("%s", line.plain)

    def close(self, record: StudyRecord) -> None:
        """Log what is new at the end."""
        self.update(record)


def default_observers(results: Path) -> Callable[[Space], Sequence[Observer]]:
    """Return the default observers of a study in a program: its log and MLflow."""
    from gansearch.tracking import MlflowMirror

    return lambda space: (ProgressLog(space), MlflowMirror(space, results))


class _ObserverThread(Thread):
    def __init__(self, observer: Observer, snapshot: Callable[[], StudyRecord]) -> None:
        super().__init__(name=type(observer).__name__, daemon=True)
        self.ended = Event()
        self._observer = observer
        self._snapshot = snapshot
        self._failures = 0

    def run(self) -> None:
        while not self.ended.wait(UPDATE_SECONDS):
            self._call(self._observer.update)
        self._call(self._observer.close)

    def _call(self, method: Callable[[StudyRecord], None]) -> None:
        try:
            method(self._snapshot())
        except Exception as error:
            self._failures += 1
            first = self._failures == 1  # later failures are likely the same, once a second
            log.log(
                logging.WARNING if first else logging.DEBUG,
                "%s could not show the study: %s",
                self.name,
                error,
                exc_info=first,
            )
