"""What Ctrl-C and SIGTERM do to a command and to a study.

A command imports this module before any other, so it loads nothing but the standard library.
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

INTERRUPTED = tuple(128 + number for number in SIGNALS)
"""The exit codes of what they end."""

END_WITH_PROCESS: set[int] = set()
"""Process groups that are killed where this process ends at once."""

_SHOW_CURSOR = "\x1b[?25h"
_ERASE_LINE = "\r\x1b[2K"


class ExitAtOnce:
    """A handler that ends the process with the exit code 128 + signal and a line on what to do.

    It raises nothing: an exception in the middle of an import or of a library's start can be lost
    there or leave it half made. What a study has on record is whole at every moment.

    Attributes:
        advice: how to go on, for the line.
        installed: whether this process is a command, which says the line.
    """

    def __init__(self) -> None:
        self.advice = "the same command begins again"
        self.installed = False

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """End the process."""
        end_process(128 + number, f"interrupted; {self.advice}")


EXIT_AT_ONCE = ExitAtOnce()
"""The handler of every command until a study takes the signals itself."""


def exit_on_signals() -> None:
    """Let Ctrl-C and SIGTERM end this command at once."""
    EXIT_AT_ONCE.installed = True
    for number in SIGNALS:
        signal.signal(number, EXIT_AT_ONCE)


def end_process(code: int, line: str = "") -> None:
    """End this process now, without the end of Python, which waits for threads and can crash."""
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
    """Write to the error stream, also from a handler that came upon a half-written line."""
    with suppress(OSError):
        os.write(2, text.encode(errors="replace"))


@contextmanager
def signals_noted() -> Iterator[list[int]]:
    """Note Ctrl-C and SIGTERM for as long as the block runs, instead of acting on them.

    The second one acts as it would have before. In another thread than the main one this does
    nothing, because Python delivers signals to the main thread alone.

    Yields:
        The signals that came, in their order.
    """
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def note(number: int, _frame: FrameType | None) -> None:
        noted.append(number)
        restore()
        if before[number] is EXIT_AT_ONCE:
            # A live panel has the cursor on its last line, which it paints over.
            line = f"interrupted: ending, a second signal ends at once; {EXIT_AT_ONCE.advice}\n"
            _write("\rending, a second signal ends at once" if os.isatty(2) else line)

    before: dict[int, Any] = {each: signal.signal(each, note) for each in SIGNALS}
    try:
        yield noted
    finally:
        restore()


def raise_noted(noted: list[int]) -> None:
    """Act on the first of the noted signals, if there is one.

    Raises:
        KeyboardInterrupt: it is Ctrl-C.
        SystemExit: it is SIGTERM.
    """
    if noted:
        raise KeyboardInterrupt if noted[0] == signal.SIGINT else SystemExit(128 + noted[0])
