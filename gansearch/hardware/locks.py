"""Locks between processes of one host; the kernel releases them when their holder dies."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

EXCLUSIVE_TIMEOUT_SECONDS = 10.0
"""Seconds to wait for an exclusive turn before a shared one is taken instead."""

_POLL_SECONDS = 0.001


def lock_file(name: str) -> Path:
    """Return the file of a lock, the same for every process of this user on this host.

    It is an empty file in the temporary folder, and stays when no process holds the lock.
    """
    folder = Path(tempfile.gettempdir()) / f"gansearch-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / name


@contextmanager
def locked(file: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a file's lock; wait until it is free."""
    with _opened(file) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


@contextmanager
def locked_if_free(file: Path) -> Iterator[bool]:
    """Hold a file's lock if it is free; yield whether it was."""
    with _opened(file) as descriptor:
        yield _taken(descriptor)


class TurnLock:
    """Lock with shared and exclusive turns: a readers-writer lock of processes.

    Every turn starts with a gate lock. A process that waits for an exclusive turn holds the gate
    until the shared turns end, so new shared turns cannot starve it.

    Args:
        name: name of the shared resource, used as a file name.
    """

    def __init__(self, name: str) -> None:
        self._gate = lock_file(f"{name}.gate")
        self._turn = lock_file(name)

    @contextmanager
    def shared(self) -> Iterator[Callable[[], bool]]:
        """Take a shared turn, which never overlaps an exclusive one of another process.

        Yields:
            A function that tells whether no other process held the lock at the start or holds it
            now. Call it last, because it may release the lock.
        """
        with _opened(self._turn) as turn:
            with locked(self._gate):
                was_empty = _taken(turn)
                fcntl.flock(turn, fcntl.LOCK_SH)
            yield lambda: was_empty and _taken(turn)

    @contextmanager
    def exclusive(self, timeout: float = EXCLUSIVE_TIMEOUT_SECONDS) -> Iterator[Callable[[], bool]]:
        """Take an exclusive turn, or a shared one if other processes hold theirs for too long.

        Args:
            timeout: seconds to wait for the other processes' turns. No new turns start meanwhile.

        Yields:
            A function that tells whether the turn is exclusive.
        """
        with _opened(self._turn) as turn:
            with locked(self._gate):
                deadline = time.monotonic() + timeout
                while not (is_exclusive := _taken(turn)) and time.monotonic() < deadline:
                    time.sleep(_POLL_SECONDS)
                if not is_exclusive:
                    fcntl.flock(turn, fcntl.LOCK_SH)
            yield lambda: is_exclusive


@contextmanager
def _opened(file: Path) -> Iterator[int]:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        # Closing does not release a lock that a forked child shares.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
