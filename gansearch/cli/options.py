"""Types of options and arguments that several commands share, and their checks.

Commands are declared when the program starts, so this module imports nothing heavy.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from gansearch.errors import UsageError
from gansearch.paths import RESULTS_VARIABLE


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
    if path.is_file() or not path.exists():  # a device or a pipe is written directly
        folder_to_write(path.resolve().parent)
    return path


def folder_to_write(path: Path) -> Path:
    """Check before a command begins that it can write in a folder, or make the folder.

    Raises:
        UsageError: the folder cannot be made or written to.
    """
    existing = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise UsageError(f"{path} cannot be written: {existing} is not a writable folder")
    return path


def seed_in_range(seed: int) -> int:
    """Check a seed.

    Raises:
        UsageError: it is negative or larger than databases and random generators accept.
    """
    from gansearch.settings import LARGEST  # not to print the help

    if not 0 <= seed <= LARGEST:
        raise UsageError(f"--seed {seed}: should be from 0 to {LARGEST}")
    return seed


def seeds_in_range(seeds: list[int] | None) -> list[int]:
    """Check all seeds of a repeatable option, as :func:`seed_in_range` does."""
    return [seed_in_range(seed) for seed in seeds or ()]


StudyName = Annotated[str, typer.Argument(metavar="STUDY", help="Name of the study.")]

Results = Annotated[
    Path,
    typer.Option(
        metavar="FOLDER",
        envvar=RESULTS_VARIABLE,
        help="Folder with the records and weights of all studies.",
    ),
]

Plot = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", callback=file_to_write, help="Also write a plot: PNG, PDF or SVG."
    ),
]
