"""Arrays that are costly to compute, kept on disk under a hash of what they were computed from."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gansearch.data.images import fingerprint
from gansearch.paths import cache_folder, written_atomically

Arrays = dict[str, NDArray[np.generic]]


def cached(kind: str, inputs: tuple[str, ...], compute: Callable[[], Arrays]) -> Arrays:
    """What ``compute`` returns, computed once for the same inputs.

    Several processes may compute the same at once: the last to end is kept, and since ``compute``
    follows from its inputs alone it does not matter which. A damaged file is computed again.

    Args:
        kind: folder of the cache.
        inputs: everything that the arrays depend on, a version of the computation among it.
        compute: makes the arrays.
    """
    known = stored(kind, inputs)
    if known is None:
        store(kind, inputs, known := compute())
    return known


def stored(kind: str, inputs: tuple[str, ...]) -> Arrays | None:
    """What is kept under the inputs, as of :func:`cached`; ``None`` where nothing is."""
    path = _path(kind, inputs)
    if path.exists():
        try:
            with np.load(path, allow_pickle=False) as file:
                return dict(file)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)
    return None


def store(kind: str, inputs: tuple[str, ...], arrays: Arrays) -> None:
    """Keep what was computed from the inputs, as of :func:`cached`."""
    with written_atomically(_path(kind, inputs)) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # allow_pickle is no array's name


def _path(kind: str, inputs: tuple[str, ...]) -> Path:
    return cache_folder(kind) / f"{fingerprint(*inputs)}.npz"
