"""Names of folders, printed commands, and atomic writes."""

from __future__ import annotations

import ast
import os
import shlex
from fnmatch import fnmatch
from pathlib import Path
from threading import Thread

import pytest

from gansearch.paths import (
    CHECKPOINT_FILE,
    CHECKPOINT_FOLDERS,
    CONFIG_FILE,
    REPORT_FILE,
    RESULTS,
    RESULTS_VARIABLE,
    SAMPLES_FILE,
    SPACE_FILE,
    STUDIES_DATABASE,
    cache_folder,
    checkpoint_folder,
    command,
    written_atomically,
)

PACKAGE = Path(__file__).parents[1] / "gansearch"


@pytest.mark.parametrize(
    ("kimg", "name"), [(2.0, "kimg_2"), (0.05, "kimg_0.05"), (1e7, "kimg_1e+07")]
)
def test_a_checkpoint_folder_is_named_by_its_kimg(kimg: float, name: str) -> None:
    assert checkpoint_folder(kimg) == name
    assert fnmatch(name, CHECKPOINT_FOLDERS)


def test_the_cache_follows_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANSEARCH_CACHE", str(tmp_path))
    assert cache_folder("kind") == tmp_path / "kind"
    assert (tmp_path / "kind").is_dir()
    monkeypatch.delenv("GANSEARCH_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder("kind") == tmp_path / ".cache" / "gansearch" / "kind"


def test_a_printed_command_names_the_results_folder_where_it_must(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(RESULTS_VARIABLE, raising=False)
    assert command("resume", "s") == command("resume", "s", results=RESULTS) == "gansearch resume s"
    words = shlex.split(command("train", "--from", "s/0", results=Path("x #1%20é?")))
    assert words == ["gansearch", "train", "--from", "s/0", "--results", "x #1%20é?"]
    monkeypatch.setenv(RESULTS_VARIABLE, "elsewhere")
    assert command("resume", "s", results=RESULTS) == "gansearch resume s --results results"


def failing(file: Path) -> None:
    with written_atomically(file) as temporary:
        temporary.write_text("new")
        raise ValueError("no")


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("old")
    with pytest.raises(ValueError, match="no"):
        failing(file)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_symbolic_link_is_kept(tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to("target.csv")
    for text in ("one", "two"):
        with written_atomically(link) as temporary:
            temporary.write_text(text)
        assert link.is_symlink()
        assert (tmp_path / "target.csv").read_text() == text


def test_a_pipe_is_written_directly(tmp_path: Path) -> None:
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


def test_names_of_files_are_written_in_one_module() -> None:
    names = {SPACE_FILE, CHECKPOINT_FILE, SAMPLES_FILE, CONFIG_FILE, REPORT_FILE, STUDIES_DATABASE}
    for file in PACKAGE.rglob("*.py"):
        if file.name != "paths.py":
            constants = {
                node.value
                for node in ast.walk(ast.parse(file.read_text()))
                if isinstance(node, ast.Constant)
            }
            assert not constants & names, file
