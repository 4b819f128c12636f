"""Temporary folders: removed at the end of a block, or by the next process after a kill."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from gansearch.hardware.scratch import scratch_folder

HOLD = """
import sys, time
from gansearch.hardware.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "weights").write_text("x")
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def folders(place: Path) -> set[Path]:
    return {folder for folder in place.glob("gansearch-*") if (folder / ".owner").exists()}


def test_a_folder_is_removed_at_the_end_of_its_block(tmp_path: Path) -> None:
    with scratch_folder() as folder:
        (folder / "file").touch()
        assert folders(tmp_path) == {folder}
    assert not folder.exists()


def test_folders_of_killed_processes_are_removed_and_others_kept(tmp_path: Path) -> None:
    def start() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
        assert process.stdout
        return process, Path(process.stdout.readline().strip())

    killed, left = start()
    living, used = start()
    foreign = tmp_path / "gansearch-results"  # no folder of ours
    foreign.mkdir()
    try:
        assert folders(tmp_path) == {left, used}
        killed.kill()
        killed.wait()
        with scratch_folder() as mine:
            assert folders(tmp_path) == {used, mine}
        assert (used / "weights").read_text() == "x"
        assert foreign.exists()
    finally:
        for process in (killed, living):
            process.kill()
            process.wait()
