"""Output of the commands: streams, console, errors, and the end of a study."""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from gansearch.errors import EmptyFrontError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from gansearch.record import StudyRecord
    from gansearch.report.front.selection import Selection
    from gansearch.study.session import Observers

FILE_WIDTH = 200
"""Width in columns of output to a file, instead of 80."""

_ASCII = {
    **dict.fromkeys("\u2018\u2019", "'"),
    **dict.fromkeys("\u2013\u2014\u2212", "-"),
    "\u2605": "*",
    "\u2264": "<=",
    "\u2265": ">=",
    "\u00b1": "+-",
    "\u00d7": "x",
    "\u2026": "...",
    "\u2192": "->",
    "\u00b7": ".",
}
"""Replacements in ASCII for characters that a terminal's encoding lacks."""


def prepare_streams() -> None:
    """Make both standard streams safe to write to.

    A closed descriptor is replaced by ``/dev/null``, because the next opened file would otherwise
    take its number. Characters that the encoding lacks are replaced, such as ``\u2605`` by ``*``.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    codecs.register_error("in_ascii", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="in_ascii")


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(_ASCII.get(each, "?") for each in wrong), error.end


def fail(message: str, code: int) -> NoReturn:
    """Print an error to standard error and exit.

    Output that cannot be flushed is discarded, so that Python does not report it at exit.
    """
    with suppress(OSError):
        typer.secho("error", fg="red", bold=True, err=True, nl=False)
        typer.echo(f": {message}", err=True)
    try:
        sys.stdout.flush()
    except OSError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
    sys.exit(code)


def output_console() -> Console:
    """Make the console of a command's output; tables are not squeezed into 80 columns of a file."""
    from rich.console import Console

    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        return Console()
    return Console(width=FILE_WIDTH, soft_wrap=True)


def observers(console: Console, results: Path) -> Observers:
    """Return a function that makes the observers of a command's study: this terminal and MLflow."""
    from gansearch.cli.progress import ProgressView
    from gansearch.tracking import MlflowMirror

    return lambda space: (ProgressView(space, console), MlflowMirror(space, results))


def summarise(console: Console, record: StudyRecord, results: Path) -> None:
    """Print the front of a study at its end, where its files are, and the next commands.

    Raises:
        EmptyFrontError: the front is empty.
        ProtocolError: the trials cannot be ranked.
    """
    from gansearch.report.front.selection import select
    from gansearch.report.summary import summary
    from gansearch.search.storage.budget import space_of

    space = space_of(record)
    try:
        selection = select(space, record)
    except UsageError:
        console.print(summary(space, record, results, None))
        raise
    console.print(summary(space, record, results, selection))
    check_front(selection, record.name)


def check_front(selection: Selection, study: str) -> None:
    """Check that the front is not empty.

    Raises:
        EmptyFrontError: the front is empty; the message says why.
    """
    if not selection.front:
        raise EmptyFrontError(f"the front of {study} is empty: {selection.message}")
