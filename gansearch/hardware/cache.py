"""On-disk cache of arrays that are expensive to compute, keyed by a hash of their inputs."""

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
    """Return the result of ``compute``, computed once for equal inputs.

    Several processes may compute the same arrays at once. The last write stays, and all writes are
    equal because ``compute`` is a function of its inputs. A damaged file is computed again.

    Args:
        kind: folder of the cache.
        inputs: everything that the arrays depend on, including a version of the computation.
        compute: computes the arrays.
    """
    known = stored(kind, inputs)
    if known is None:
        store(kind, inputs, known := compute())
    return known


def stored(kind: str, inputs: tuple[str, ...]) -> Arrays | None:
    """Return the stored arrays, or ``None`` if there are none; arguments as for :func:`cached`."""
    path = _path(kind, inputs)
    if path.exists():
        try:
            with np.load(path, allow_pickle=False) as file:
                return dict(file)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)
    return None


def store(kind: str, inputs: tuple[str, ...], arrays: Arrays) -> None:
    """Store arrays that were computed from ``inputs``; arguments as for :func:`cached`."""
    with written_atomically(_path(kind, inputs)) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle


def _path(kind: str, inputs: tuple[str, ...]) -> Path:
    return cache_folder(kind) / f"{fingerprint(*inputs)}.npz"
