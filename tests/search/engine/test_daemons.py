"""The processes of a Ray that a study starts: private, and apart from the driver's signals."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import ray

from gansearch.search.engine.cluster import cluster
from gansearch.search.engine.daemons import keep_token_private
from gansearch.space import Space


@pytest.fixture
def space(tiny_space: Callable[..., Space]) -> Space:
    return tiny_space()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder with a short path, for the sockets."""
    folder = Path("/tmp") / f"gs-{secrets.token_hex(4)}"  # noqa: S108
    folder.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(folder))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_a_local_ray_is_private_and_gets_no_signals(space: Space, short: Path) -> None:
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    with cluster(None, space):
        assert {each: signal.getsignal(each) for each in handlers} == handlers
        ray.get(ray.remote(lambda: None).remote())  # a worker is there as well
        driver = psutil.Process()
        daemons = [p for p in driver.children(recursive=True) if os.getsid(p.pid) != os.getsid(0)]
        names = {daemon.name() for daemon in daemons}
        assert {"gcs_server", "raylet"} <= names
        assert any("ray::" in name for name in names)
        groups = {os.getpgid(daemon.pid) for daemon in daemons}
        assert os.getpgrp() not in groups
        listening = [
            connection.laddr.ip
            for process in (driver, *daemons)
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert len(listening) >= 5
        assert {ip.removeprefix("::ffff:") for ip in listening} <= {"127.0.0.1", "::1"}
        for daemon in daemons:
            mask = Path(f"/proc/{daemon.pid}/status").read_text().partition("SigBlk:")[2].split()[0]
            if daemon.name() in {"gcs_server", "raylet"}:
                assert int(mask, 16) >> (signal.SIGTERM - 1) & 1
    _, alive = psutil.wait_procs(daemons, timeout=20)
    assert not alive
    assert {each: signal.getsignal(each) for each in handlers} == handlers


def test_the_token_is_unreadable_for_other_users(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / ".ray" / "auth_token"
    keep_token_private()
    token = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(token) == 64
    file.chmod(0o644)  # as Ray writes it
    keep_token_private()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() == token
