"""Folders of results and cached files, atomic writes, printed commands."""

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
    if results not in (None, RESULTS) or (results and os.environ.get("GANSEARCH_RESULTS")):
        parts += ["--results", str(results)]
    return shlex.join(parts)


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces ``path`` when the block ends without an exception.

    A reader sees the old file or the whole new one. With several writing processes, the last one
    wins. A block that raises leaves nothing behind.
    A symbolic link is kept and its target written. A device or a pipe is written directly.
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
