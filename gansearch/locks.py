"""Locks between the processes of one host; the kernel frees them when their holder dies."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE_SECONDS = 10.0
"""How long one waits to be alone before it goes on beside the others."""

_POLL_SECONDS = 0.001


def lock_file(name: str) -> Path:
    """The file of a lock, the same for every process of this user on this host.

    It lies in the temporary folder, is empty, and stays when nobody holds it.
    """
    folder = Path(tempfile.gettempdir()) / f"gansearch-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / name


@contextmanager
def locked(file: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a file's lock, after whoever holds it now."""
    with _opened(file) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


@contextmanager
def locked_at_once(file: Path) -> Iterator[bool]:
    """Hold a file's lock if it is free; yields whether it was."""
    with _opened(file) as descriptor:
        yield _taken(descriptor)


class TurnLock:
    """A lock that many hold side by side, or one alone: a readers-writer lock of processes.

    Whoever comes passes a gate first. One who wants to be alone keeps it closed until the others
    have left, so those who keep coming cannot keep it waiting for ever.

    Args:
        name: of what is shared, a file's name.
    """

    def __init__(self, name: str) -> None:
        self._gate = lock_file(f"{name}.gate")
        self._room = lock_file(name)

    @contextmanager
    def beside(self) -> Iterator[Callable[[], bool]]:
        """Hold it beside others, never beside one who is alone.

        Yields:
            What tells whether nobody else held it at the beginning or holds it now. To be asked
            last: asking may let it go.
        """
        with _opened(self._room) as room:
            with locked(self._gate):
                was_empty = _taken(room)
                fcntl.flock(room, fcntl.LOCK_SH)
            yield lambda: was_empty and _taken(room)

    @contextmanager
    def alone(self, patience: float = PATIENCE_SECONDS) -> Iterator[Callable[[], bool]]:
        """Hold it alone, or beside the others where they kept it for too long.

        Args:
            patience: seconds to wait for the others to leave. Nobody else gets in meanwhile.

        Yields:
            What tells whether it is held alone.
        """
        with _opened(self._room) as room:
            with locked(self._gate):
                deadline = time.monotonic() + patience
                while not (alone := _taken(room)) and time.monotonic() < deadline:
                    time.sleep(_POLL_SECONDS)
                if not alone:
                    fcntl.flock(room, fcntl.LOCK_SH)
            yield lambda: alone


@contextmanager
def _opened(file: Path) -> Iterator[int]:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing would not, where a fork has it open too
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
