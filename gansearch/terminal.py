"""What the commands share: options, the console, what a person sees of a study."""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gansearch.errors import EmptyFrontError, UsageError
from gansearch.paths import RESULTS

if TYPE_CHECKING:
    from rich.console import Console

    from gansearch.report.selection import Selection
    from gansearch.running import Observers

__all__ = [
    "LARGEST_SEED",
    "RESULTS",
    "Results",
    "StudyName",
    "check_front",
    "observers",
    "summarise",
    "terminal",
]

StudyName = Annotated[str, typer.Argument(metavar="STUDY", help="A study's name.")]
Results = Annotated[
    Path,
    typer.Option(
        envvar="GANSEARCH_RESULTS", help="Folder of the studies, their weights and MLflow's store."
    ),
]
LARGEST_SEED = 2**63 - 1
"""As in a space, whose settings take long to import."""
FILE_WIDTH = 200
"""Columns where there is no terminal to ask, such as in a file: no table is squeezed into 80."""


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
"""What stands for characters that a terminal's encoding has not."""


def prepare_streams() -> None:
    """See that text can be written on both standard streams, whatever they are.

    A closed one is as ``/dev/null``: the next file to be opened would otherwise get its number.
    Characters that an encoding has not are replaced, as ``\u2605`` by ``*``.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
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
    """Say what is wrong on the error stream, and end with an exit code.

    What could not be written to standard output before is dropped, so that nothing is said of it
    again at the end.
    """
    with suppress(OSError):
        typer.secho("error", fg="red", bold=True, err=True, nl=False)
        typer.echo(f": {message}", err=True)
    try:
        sys.stdout.flush()
    except OSError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
    sys.exit(code)


def file_to_write(path: Path | None) -> Path | None:
    """A file that a command writes at its end, seen to before it begins.

    Raises:
        UsageError: it cannot be written.
    """
    if path is None:
        return None
    if path.is_dir():
        raise UsageError(f"{path} is a folder: give the name of a file to write")
    if path.exists() and not os.access(path, os.W_OK):
        raise UsageError(f"{path} cannot be written")
    folder_to_write(path.absolute().parent)
    return path


def folder_to_write(path: Path) -> Path:
    """A folder in which a command writes, made by it where it is missing.

    Raises:
        UsageError: it cannot be made, or written in.
    """
    there = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"{path} cannot be written: {there} is no folder that one can write in")
    return path


def terminal() -> Console:
    """Where a command prints."""
    from rich.console import Console

    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        return Console()
    return Console(width=FILE_WIDTH, soft_wrap=True)


def observers(console: Console, results: Path) -> Observers:
    """What a person sees of a study while it runs: this terminal, and MLflow."""
    from gansearch.console import ProgressView
    from gansearch.tracking import MlflowMirror

    return lambda space: (ProgressView(space, console), MlflowMirror(space, results))


def summarise(console: Console, study: str, results: Path) -> None:
    """The front of a study that ended, and where everything is.

    Raises:
        EmptyFrontError: the front is empty.
        ProtocolError: its trials cannot be ranked.
    """
    from gansearch.report.selection import select
    from gansearch.report.summary import summary
    from gansearch.study import load_study

    space, record = load_study(study, results)
    console.print(summary(space, record, results))
    check_front(select(space, record), study)


def check_front(selection: Selection, study: str) -> None:
    """See that there is a front.

    Raises:
        EmptyFrontError: it is empty; the message says why.
    """
    if not selection.front:
        raise EmptyFrontError(f"the front of {study} is empty: {selection.message}")
