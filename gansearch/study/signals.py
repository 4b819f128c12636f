"""Handling of Ctrl-C and SIGTERM by commands and studies.

Commands import this module first, so it imports the standard library alone.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Signals that a command and a study handle."""

INTERRUPTED = tuple(128 + number for number in SIGNALS)
"""Exit codes of processes that :data:`SIGNALS` end."""

END_WITH_PROCESS: set[int] = set()
"""Process groups that are killed if this process ends at once."""

_SHOW_CURSOR = "\x1b[?25h"
_ERASE_LINE = "\r\x1b[2K"


class ExitAtOnce:
    """Handler that ends the process with exit code 128 + signal and prints how to continue.

    It raises no exception, because one in the middle of an import or of a library's start may be
    swallowed or leave it half initialised. A study's record is consistent at every moment.

    Attributes:
        advice: how to continue, for the printed line.
        installed: whether this process is a command, which prints the line.
    """

    def __init__(self) -> None:
        self.advice = "run the same command again"
        self.installed = False

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """End the process."""
        end_process(128 + number, f"interrupted; {self.advice}")


EXIT_AT_ONCE = ExitAtOnce()
"""Handler of every command until a study handles the signals itself."""


def exit_on_signals() -> None:
    """Let Ctrl-C and SIGTERM end this command at once."""
    EXIT_AT_ONCE.installed = True
    for number in SIGNALS:
        signal.signal(number, EXIT_AT_ONCE)


def end_process(code: int, line: str = "") -> None:
    """End this process without Python's shutdown, which waits for threads and can crash."""
    for group in END_WITH_PROCESS:
        with suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    with suppress(Exception):
        sys.stdout.flush()
    if os.isatty(2):
        _write(_SHOW_CURSOR + _ERASE_LINE)
    if line:
        _write(f"{line}\n")
    os._exit(code)


def _write(text: str) -> None:
    """Write to standard error, even from a handler that interrupted a write to it."""
    with suppress(OSError):
        os.write(2, text.encode(errors="replace"))


@contextmanager
def deferred_signals() -> Iterator[list[int]]:
    """Defer Ctrl-C and SIGTERM during the block: note them instead of acting on them.

    A second signal has its previous effect. Outside the main thread this does nothing, because
    Python delivers signals only to the main thread.

    Yields:
        The signals received so far, in order.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def defer(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        restore()
        if before[number] is EXIT_AT_ONCE:
            # A live panel keeps the cursor on its last line and overwrites this text.
            line = f"interrupted: ending; a second signal ends at once; {EXIT_AT_ONCE.advice}\n"
            _write("\rending; a second signal ends at once" if os.isatty(2) else line)

    before: dict[int, Any] = {each: signal.signal(each, defer) for each in SIGNALS}
    try:
        yield received
    finally:
        restore()


def raise_deferred(received: list[int]) -> None:
    """Act on the first of the received signals, if any.

    Raises:
        KeyboardInterrupt: the signal is Ctrl-C.
        SystemExit: the signal is SIGTERM.
    """
    if received:
        raise KeyboardInterrupt if received[0] == signal.SIGINT else SystemExit(128 + received[0])
