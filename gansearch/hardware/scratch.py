"""Temporary folders; those of killed processes are removed by the next process."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gansearch.hardware.locks import lock_file, locked, locked_if_free

PREFIX = "gansearch-"

_OWNER = ".owner"  # locked for the lifetime of the process that made the folder


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a temporary folder of this process, removed at the end of the block.

    Folders of killed processes of this host are removed first.
    """
    with ExitStack() as stack:
        with locked(lock_file("scratch")):  # no process may find a folder that is not yet locked
            _remove_abandoned(Path(tempfile.gettempdir()))
            folder = Path(tempfile.mkdtemp(prefix=PREFIX))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(locked_if_free(folder / _OWNER))
        yield folder


def _remove_abandoned(place: Path) -> None:
    for owner in place.glob(f"{PREFIX}*/{_OWNER}"):
        try:
            with locked_if_free(owner) as is_abandoned:
                if is_abandoned:
                    shutil.rmtree(owner.parent, ignore_errors=True)
        except OSError:  # it is another user's, or was removed meanwhile
            continue
