"""Observers beside a study: a thread each, so that none can slow it or end it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from gansearch.record import Observer, StudyRecord

log = logging.getLogger(__name__)

UPDATE_SECONDS = 1.0
"""Between two looks at a study."""

CLOSE_SECONDS = 30.0
"""How long the end of a study waits for all observers' last look together."""


@contextmanager
def following(
    observers: Sequence[Observer],
    snapshot: Callable[[], StudyRecord],
    close_seconds: float = CLOSE_SECONDS,
) -> Iterator[None]:
    """Let ``observers`` follow a study for as long as the block runs.

    Args:
        observers: each is given a thread; what it raises is logged, at first with a traceback.
        snapshot: the study as it stands.
        close_seconds: how long the end waits for all of them together.
    """
    threads = [_Follower(observer, snapshot) for observer in observers]
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
                log.warning("%s was still busy %g s after the end", thread.name, close_seconds)


class _Follower(Thread):
    def __init__(self, observer: Observer, snapshot: Callable[[], StudyRecord]) -> None:
        super().__init__(name=type(observer).__name__, daemon=True)
        self.ended = Event()
        self._observer = observer
        self._snapshot = snapshot
        self._failures = 0

    def run(self) -> None:
        while not self.ended.wait(UPDATE_SECONDS):
            self._show(self._observer.update)
        self._show(self._observer.close)

    def _show(self, look: Callable[[StudyRecord], None]) -> None:
        try:
            look(self._snapshot())
        except Exception as error:
            self._failures += 1
            first = self._failures == 1  # one that fails, fails every second
            log.log(
                logging.WARNING if first else logging.DEBUG,
                "%s could not follow the study: %s",
                self.name,
                error,
                exc_info=first,
            )
