"""What Ctrl-C and SIGTERM do to a study that runs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gansearch.search.engine.tune import Brake


@contextmanager
def pulled_by_signals(brake: Brake) -> Iterator[list[int]]:
    """Let Ctrl-C and SIGTERM pull the brake; yields the list of those that came."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught  # Python delivers signals to the main thread, which is not ours to take
        return

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def pull(number: int, _frame: FrameType | None) -> None:
        brake.pulled = True
        caught.append(number)
        restore()  # a second one acts at once

    watched = (signal.SIGINT, signal.SIGTERM)
    before = {each: signal.signal(each, pull) or signal.SIG_DFL for each in watched}
    try:
        yield caught
    finally:
        restore()
