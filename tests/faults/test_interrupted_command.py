"""`gansearch run` that is interrupted at any moment of its first 20 seconds ends well."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SPACE = """
name: interrupted
variant: gan
data: {name: digits, holdout: 0.5}
evaluation: {samples: 200}
training: {batch_size: 16}
parameters: {g_lr: {type: float, low: 0.05, high: 0.3, log: true}}
objectives: {fd_digits: minimize, seconds_per_kimg: minimize}
budget: {trials: 50, max_kimg: 20, rungs: [1, 5, 10]}
search: {stopping: none}
"""
ADVICE = re.compile(r"run the same command again|continue with `gansearch resume s --results \S+`")
SECONDS_TO_END = 45.0

Kill = Callable[[psutil.Process, signal.Signals], None]


def the_process(command: psutil.Process, number: signal.Signals) -> None:
    """As `kill` does."""
    command.send_signal(number)


def its_group(command: psutil.Process, number: signal.Signals) -> None:
    """As a terminal and `timeout` do."""
    os.killpg(command.pid, number)


def everybody(command: psutil.Process, number: signal.Signals) -> None:
    """As systemd and Slurm do."""
    for process in (*command.children(recursive=True), command):
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


WAYS: list[tuple[Kill, signal.Signals]] = [
    (the_process, signal.SIGINT),
    (the_process, signal.SIGTERM),
    (its_group, signal.SIGINT),
    (its_group, signal.SIGTERM),
    (everybody, signal.SIGTERM),
]


@pytest.fixture
def ray_folder() -> Iterator[Path]:
    folder = Path("/tmp") / f"gs-{os.getpid()}"  # noqa: S108 - sockets want short paths
    folder.mkdir()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def hears(process: psutil.Process, number: signal.Signals) -> bool:
    """Whether a process has a handler of a signal: it is past the start of Python."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1)


@pytest.mark.parametrize("attempt", range(15))
def test_it_ends_soon_with_its_code_and_what_to_do(
    attempt: int, tmp_path: Path, ray_folder: Path
) -> None:
    kill, number = WAYS[attempt % len(WAYS)]
    after = random.Random(attempt).uniform(0.0, 20.0)  # noqa: S311
    space = tmp_path / "space.yaml"
    space.write_text(SPACE)
    words = ["run", str(space), "--name", "s", "--results", str(tmp_path / "results")]
    with (tmp_path / "out").open("w") as out:
        command = subprocess.Popen(
            [sys.executable, "-m", "gansearch", *words],
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "RAY_TMPDIR": str(ray_folder)},
        )
    process = psutil.Process(command.pid)
    while not hears(process, signal.SIGTERM):
        time.sleep(0.01)
    time.sleep(after)
    tree = [*process.children(recursive=True)]
    kill(process, number)
    code = command.wait(SECONDS_TO_END)
    said = (tmp_path / "out").read_text()
    assert code == 128 + number, said
    assert ADVICE.search(said), said
    assert "Traceback" not in said
    _, alive = psutil.wait_procs(tree, timeout=30)
    assert not alive, [each.name() for each in alive]
