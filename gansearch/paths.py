"""Where results and cached files are kept, how files are written, how commands are printed."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

StrPath = str | os.PathLike[str]
"""A path as a caller may give it."""

RESULTS = Path("results")
"""Where studies are kept unless a person says otherwise."""


def cache_folder(kind: str) -> Path:
    """The folder of one kind of cached files, made if it is missing.

    It lies in ``$GANSEARCH_CACHE``, or else in ``~/.cache/gansearch``. Everything in it may be
    deleted at any time: it is made again from its inputs.
    """
    base = os.environ.get("GANSEARCH_CACHE")
    folder = (Path(base) if base else Path.home() / ".cache" / "gansearch") / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def command(*words: object, results: Path | None = None) -> str:
    """A ``gansearch`` command as a shell takes it.

    Args:
        words: what follows the program's name.
        results: folder of the studies; named where the command would look elsewhere by itself.
    """
    parts = ["gansearch", *map(str, words)]
    if results not in (None, RESULTS) or (results and os.environ.get("GANSEARCH_RESULTS")):
        parts += ["--results", str(results)]
    return shlex.join(parts)


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """A temporary path that takes ``path``'s place once the block has ended well.

    A reader sees the old file or the whole new one, whatever happens in between; of several
    processes that write at once the last one stands. A block that raises leaves nothing behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A folder of its own rather than a file from mkstemp, which nobody else could read.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        temporary = Path(folder) / path.name
        yield temporary
        temporary.replace(path)
