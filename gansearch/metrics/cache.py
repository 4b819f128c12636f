"""Arrays that are costly to compute, kept on disk under a hash of what they were computed from."""

from __future__ import annotations

import zipfile
from collections.abc import Callable

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
    path = cache_folder(kind) / f"{fingerprint(*inputs)}.npz"
    if path.exists():
        try:
            with np.load(path, allow_pickle=False) as file:
                return dict(file)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)
    arrays = compute()
    with written_atomically(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # allow_pickle is no array's name
    return arrays
