"""Files that are written: whole or not at all, and nothing else is replaced."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest

from gansearch.paths import written_atomically


def failing(file: Path) -> None:
    with written_atomically(file) as temporary:
        temporary.write_text("new")
        raise ValueError("no")


def test_a_block_that_raises_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("old")
    with pytest.raises(ValueError, match="no"):
        failing(file)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_stays_one(tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to("target.csv")
    for text in ("one", "two"):
        with written_atomically(link) as temporary:
            temporary.write_text(text)
        assert link.is_symlink()
        assert (tmp_path / "target.csv").read_text() == text


def test_a_pipe_is_written_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    with written_atomically(pipe) as temporary:
        assert temporary == pipe
        temporary.write_text("sent")
    reader.join(10)
    assert read == ["sent"]
    assert pipe.is_fifo()
