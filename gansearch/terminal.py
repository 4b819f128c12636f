"""What the commands share: options, the console, what a person sees of a study."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gansearch.errors import EmptyFrontError
from gansearch.paths import RESULTS

if TYPE_CHECKING:
    from rich.console import Console

    from gansearch.report.selection import Selection
    from gansearch.study import Observers

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
