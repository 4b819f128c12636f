"""Names of folders and files, atomic writes, and printed commands."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

StrPath = str | os.PathLike[str]
"""Path as a caller may pass it."""

RESULTS = Path("results")
"""Default folder of studies."""

RESULTS_VARIABLE = "GANSEARCH_RESULTS"
"""Environment variable that replaces :data:`RESULTS` for commands."""

TRAINED = Path("trained")
"""Default folder of configurations that are trained again."""

STUDIES_DATABASE = "studies.db"
"""SQLite database of all study records in a results folder."""

SPACE_FILE = "space.yaml"
"""Text of a study's space, in the study's folder and among its files in MLflow."""

CHECKPOINT_FILE = "checkpoint.pt"
"""Weights and training state, in a checkpoint's folder."""

SAMPLES_FILE = "samples.png"
"""Grid of generated images, in a checkpoint's folder; also the default output of ``sample``."""

CONFIG_FILE = "config.json"
"""Training configuration as JSON, in a checkpoint's folder and among a trial's files in MLflow. It
is sufficient to train the trial again."""

REPORT_FILE = "report.json"
"""Report of a rung as JSON, in a checkpoint's folder; written last, so a folder with it is whole.
"""


CHECKPOINT_FOLDERS = "kimg_*"
"""Glob pattern of checkpoints' folders in the folder of a run."""


def checkpoint_folder(kimg: float) -> str:
    """Return the name of the folder of a checkpoint at ``kimg``, such as ``kimg_2.5``."""
    return CHECKPOINT_FOLDERS.replace("*", f"{kimg:g}")


def cache_folder(kind: str) -> Path:
    """Return the folder of one kind of cached files; make it if it is missing.

    It is in ``$GANSEARCH_CACHE``, by default ``~/.cache/gansearch``. Its content may be deleted at
    any time, because it is made again from its inputs.
    """
    base = os.environ.get("GANSEARCH_CACHE")
    folder = (Path(base) if base else Path.home() / ".cache" / "gansearch") / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def command(*words: object, results: Path | None = None) -> str:
    """Format a ``gansearch`` command for a shell.

    Args:
        words: words after the program's name.
        results: folder of the studies; printed if it is not the command's default.
    """
    parts = ["gansearch", *map(str, words)]
    if results not in (None, RESULTS) or (results and os.environ.get(RESULTS_VARIABLE)):
        parts += ["--results", str(results)]
    return shlex.join(parts)


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces ``path`` when the block ends without an exception.

    A reader sees the old file or the whole new one. With several writing processes, the last one
    wins. A block that raises leaves nothing behind. A symbolic link is kept and its target written.
    A device or a pipe is written directly.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    # A folder rather than a file from mkstemp, which others could not read.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        temporary = Path(folder) / path.name
        yield temporary
        temporary.replace(path)
