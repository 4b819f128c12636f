"""Isolation of a local Ray's processes from the network and the terminal."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ray._private import ray_constants, services, utils

from gansearch.study.signals import END_WITH_PROCESS


@contextmanager
def unchanged_signal_handlers() -> Iterator[None]:
    """Keep the signal handlers unchanged while Ray is joined or started in the block.

    Ray installs a handler for SIGTERM, and another one for crashes, which treats SIGTERM as one.
    """
    with _replaced(
        (utils, "set_sigterm_handler", _ignore_handler),
        (ray_constants, "RAY_DISABLE_FAILURE_SIGNAL_HANDLER", True),
    ):
        yield


@contextmanager
def isolated_processes() -> Iterator[None]:
    """Start Ray's processes in the block on loopback and in sessions of their own.

    Ctrl-C in a terminal, or a signal to the driver's process group, then reaches the driver alone,
    which ends its Ray in order. Ray has no options for this; a test checks the real processes.
    """
    with _replaced(
        (services, "ConsolePopen", _Daemon),
        (ray_constants, "ENABLE_RAY_CLUSTER", False),  # a node of no cluster is at 127.0.0.1
    ):
        yield


@contextmanager
def _replaced(*replacements: tuple[Any, str, Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for module, name, value in replacements:
            stack.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, value)
        yield


class _Daemon(services.ConsolePopen):
    """A process of Ray's in a session of its own, if Ray can end it without its process group.

    It and its children block SIGTERM, because systemd and Slurm send it to all processes at once.
    """

    def __init__(self, *args: Any, preexec_fn: Callable[[], None], **options: Any) -> None:
        def prepare() -> None:
            preexec_fn()
            os.setsid()
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

        self._apart = utils.detect_fate_sharing_support()  # else Ray ends it by its process group
        options["preexec_fn"] = prepare if self._apart else preexec_fn
        super().__init__(*args, **options)
        if self._apart:
            END_WITH_PROCESS.add(self.pid)

    def terminate(self) -> None:
        """Kill it and its agents; they hold nothing that another run needs."""
        if not self._apart:
            super().terminate()
        elif self.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            END_WITH_PROCESS.discard(self.pid)


def _ignore_handler(_handler: Callable[..., None]) -> None:
    pass


def keep_token_private() -> None:
    """Make the token of a local Ray unreadable for other users.

    Ray would create a missing token readable for everybody, so it is created here first.
    """
    if os.environ.get("RAY_AUTH_MODE", "token").lower() != "token":
        return
    given = os.environ.get("RAY_AUTH_TOKEN_PATH")
    file = Path(given) if given else Path.home() / ".ray" / "auth_token"
    if file.exists():
        if file.stat().st_mode & 0o077 and file.stat().st_uid == os.getuid():
            file.chmod(0o600)
    elif not given and "RAY_AUTH_TOKEN" not in os.environ:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(descriptor, secrets.token_hex(32).encode())
        os.close(descriptor)
