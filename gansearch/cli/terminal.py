"""Shared parts of the commands: options, console, output of a study."""

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

    from gansearch.report.front.selection import Selection
    from gansearch.study.session import Observers

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
"""As in a space; importing its settings would take long."""
FILE_WIDTH = 200
"""Columns of output to a file, instead of 80."""


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
"""Replacements of characters that a terminal's encoding lacks."""


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


def file_to_write(path: Path | None) -> Path | None:
    """Check before a command begins that it can write a file at its end.

    Raises:
        UsageError: the file cannot be written.
    """
    if path is None:
        return None
    if path.is_dir():
        raise UsageError(f"{path} is a folder: give the name of a file to write")
    if path.exists() and not os.access(path, os.W_OK):
        raise UsageError(f"{path} cannot be written")
    if path.is_file() or not path.exists():  # a device or a pipe is written itself
        folder_to_write(path.resolve().parent)
    return path


def folder_to_write(path: Path) -> Path:
    """Check that a command can write in a folder, or make it.

    Raises:
        UsageError: the folder cannot be made or written to.
    """
    there = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"{path} cannot be written: {there} is no folder that one can write in")
    return path


def terminal() -> Console:
    """Make the console of a command's output."""
    from rich.console import Console

    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        return Console()
    return Console(width=FILE_WIDTH, soft_wrap=True)


def observers(console: Console, results: Path) -> Observers:
    """Make the observers of a study that a command runs: this terminal and MLflow."""
    from gansearch.cli.console import ProgressView
    from gansearch.tracking import MlflowMirror

    return lambda space: (ProgressView(space, console), MlflowMirror(space, results))


def summarise(console: Console, study: str, results: Path) -> None:
    """Print the front of a finished study, and where its files are.

    Raises:
        EmptyFrontError: the front is empty.
        ProtocolError: the trials cannot be ranked.
    """
    from gansearch.report.front.selection import select
    from gansearch.report.summary import summary
    from gansearch.study.run import load_study

    space, record = load_study(study, results)
    console.print(summary(space, record, results))
    check_front(select(space, record), study)


def check_front(selection: Selection, study: str) -> None:
    """Check that the front is not empty.

    Raises:
        EmptyFrontError: the front is empty; the message says why.
    """
    if not selection.front:
        raise EmptyFrontError(f"the front of {study} is empty: {selection.message}")
