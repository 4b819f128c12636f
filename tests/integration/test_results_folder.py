"""Commands on a results folder that was renamed, moved or damaged, or that is read-only."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gansearch.errors import StudyError
from gansearch.study.reading import load_study
from gansearch.study.run import resume_study

CAPBSET_DROP, DAC_OVERRIDE, DAC_READ_SEARCH = 24, 1, 2


def drop_root_rights() -> None:
    """Make this process respect the permissions of files, even as root."""
    libc = ctypes.CDLL(None)
    for capability in (DAC_OVERRIDE, DAC_READ_SEARCH):
        libc.prctl(CAPBSET_DROP, capability, 0, 0, 0)


Call = Callable[..., Any]


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch, gansearch: Call) -> None:
    monkeypatch.setenv("COLUMNS", "300")


IN_A_PROCESS = """
import json, sys
from unittest.mock import patch
from gansearch.cli.app import main
for arguments in json.loads(sys.argv[1]):
    try:
        with patch("sys.argv", ["gansearch", *arguments]):
            main()
    except SystemExit as ended:
        print(f"code {ended.code or 0}")
"""


def run_without_root_rights(*commands: tuple[object, ...]) -> subprocess.CompletedProcess[str]:
    """Run commands in one process that respects the permissions of files."""
    texts = json.dumps([[str(word) for word in command] for command in commands])
    return subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS, texts],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=drop_root_rights,
    )


@pytest.fixture
def moved(trained: Path, tmp_path: Path) -> Path:
    """The results of a study ``s``, copied to a folder with a difficult name."""
    return shutil.copytree(trained, tmp_path / "x #1%20é?")


def test_results_are_in_one_folder_of_any_name(
    gansearch: Call, moved: Path, tmp_path: Path
) -> None:
    assert gansearch("studies", "--results", moved).out.split()[-1] == "s"
    assert {path.name for path in tmp_path.iterdir()} == {moved.name, "here"}


def test_a_moved_study_can_be_sampled_evaluated_and_rescored(gansearch: Call, moved: Path) -> None:
    _, record = load_study("s", moved)
    for trial in record.trials:
        assert trial.last is not None
        assert Path(str(trial.last.checkpoint)).is_relative_to(moved)
        assert (Path(str(trial.last.checkpoint)) / "checkpoint.pt").exists()
    for command in (
        ("sample", "s/0", "--out", "out.png", "--count", 4),
        ("evaluate", "s/1", "--samples", 20),
        ("rescore", "s", "--samples", 20, "--seeds", 2),
    ):
        answer = gansearch(*command, "--results", moved)
        answer.check_completed()
    assert all(trial.scores for trial in load_study("s", moved)[1].trials)


# --- Read-only ----------------------------------------------------------------------------------


@pytest.fixture
def read_only(moved: Path) -> Path:
    for folder, _, files in os.walk(moved):
        for file in files:
            (Path(folder) / file).chmod(0o444)
        Path(folder).chmod(0o555)
    return moved


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_read_only_folder_can_be_read(read_only: Path, tmp_path: Path) -> None:
    before = listing(read_only)
    there = ("--results", read_only)
    out, front = tmp_path / "out.png", tmp_path / "front.csv"
    reading = (
        ("studies",),
        ("pareto", "s", "--csv", front),
        ("sample", "s/0", "--out", out, "--count", 4),
        ("evaluate", "s/1", "--samples", 20),
        ("train", "--from", "s/0", "--kimg", 0.05, "--out", tmp_path / "trained"),
    )
    answer = run_without_root_rights(*((*command, *there) for command in reading))
    assert (answer.stdout.count("code 0"), answer.stderr) == (len(reading), "")
    assert out.exists()
    assert front.exists()
    writing = (("resume", "s", "--trials", 5, *there), ("rescore", "s", *there))
    answer = run_without_root_rights(*writing)
    assert answer.stdout.count("code 2") == len(writing)
    assert answer.stderr.count("results cannot be written there") == len(writing)
    assert listing(read_only) == before


def test_the_write_ahead_log_of_a_killed_driver_is_read(trained: Path, tmp_path: Path) -> None:
    """The newest change of a killed driver is in the log, not yet in the database's file."""
    results = shutil.copytree(trained, tmp_path / "results")
    connection = sqlite3.connect(results / "studies.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("UPDATE studies SET study_name = 'renamed'")
    connection.commit()
    copy = shutil.copytree(results, tmp_path / "copy")
    connection.close()
    assert (copy / "studies.db-wal").exists()
    copy.chmod(0o555)
    answer = run_without_root_rights(("studies", "--results", copy))
    assert answer.stdout.split()[-3:] == ["renamed", "code", "0"], answer.stderr


# --- Damaged or missing--------------------------------------------------------------------------


def damage(file: Path, kind: str) -> None:
    content = file.read_bytes()
    pieces = {
        "text": b"hello " * 1000,
        "truncated": content[: len(content) // 2],
        "overwritten": content[:4096] + b"\xff" * (len(content) - 4096),
        "empty": b"",
    }
    file.write_bytes(pieces[kind])


@pytest.mark.parametrize("kind", ["text", "truncated", "overwritten", "empty"])
@pytest.mark.parametrize("command", ["studies", "pareto", "resume", "rescore", "sync"])
def test_a_damaged_database_is_an_error(
    gansearch: Call, moved: Path, kind: str, command: str
) -> None:
    damage(moved / "studies.db", kind)
    before = (moved / "studies.db").read_bytes()
    names = () if command == "studies" else ("s",)
    gansearch(command, *names, "--results", moved).check_refused("studies.db")
    assert (moved / "studies.db").read_bytes() == before


def test_a_damaged_record_is_an_error(gansearch: Call, moved: Path) -> None:
    connection = sqlite3.connect(moved / "studies.db")
    connection.execute("UPDATE trial_user_attributes SET value_json = '{' WHERE key = 'params'")
    connection.commit()
    connection.close()
    gansearch("pareto", "s", "--results", moved).check_refused("studies.db", "cannot be read")


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "foo://me:hunter2@host/db",
        "postgresql://me:hunter2@host:port/db",
        "postgresql://127.0.0.1:1/db?user=me&password=hunter2",
        "sqlite:///",
    ],
)
def test_an_unusable_storage_url_is_an_error_without_secrets(
    url: str, gansearch: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gansearch.search.storage.database.OPEN_SECONDS", 0.01)
    monkeypatch.setenv("GANSEARCH_STORAGE", url)
    for command in (("studies",), ("pareto", "s")):
        answer = gansearch(*command)
        answer.check_refused()
        assert "hunter2" not in answer.err


def test_a_folder_without_results_is_an_error(gansearch: Call, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "none", tmp_path / "file"):
        gansearch("studies", "--results", place).check_refused(f"{place} is no folder of results")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "here"}


# --- Resuming -----------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", ["inf", "nan", "0.05", "-1"])
def test_an_invalid_budget_changes_nothing(gansearch: Call, moved: Path, amount: str) -> None:
    before = load_study("s", moved)
    assert gansearch("resume", "s", "--max-kimg", amount, "--results", moved).code == 2
    assert load_study("s", moved) == before


def test_an_unreachable_cluster_changes_nothing(
    moved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StudyError("Ray is away")

    before = load_study("s", moved)
    monkeypatch.setattr("gansearch.search.engine.cluster.cluster", away)
    monkeypatch.setattr("gansearch.study.preflight.check_data", lambda *_: None)
    with pytest.raises(StudyError, match="Ray is away"):
        resume_study("s", results=moved, max_kimg=60)
    assert load_study("s", moved) == before


# --- Invalid options -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (("pareto", "s", "--max", "fd_digits=nan"), "finite"),
        (("pareto", "s", "--min", "fd_digits=inf"), "finite"),
        (("pareto", "s", "--weight", "fd_digits=inf"), "finite"),
        (("pareto", "s", "--csv", "front.csv", "--plot", "front.bmp"), ".png"),
        (("pareto", "s", "--csv", "file/front.csv"), "file"),
        (("pareto", "s", "--csv", "."), "."),
        (("sample", "s/0", "--out", "out.xyz"), ".png"),
        (("sample", "s/0", "--out", "file/out.png"), "file"),
        (("sample", "s/0", "--seed", 2**64), "--seed"),
        (("train", "--from", "s/0", "--kimg", "inf"), "max_kimg"),
        (("train", "--from", "s/0", "--kimg", "nan"), "--kimg"),
        (("train", "--from", "s/0", "--seed", 1, "--seed", 2**64), "--seed"),
        (("train", "--from", "s/0", "--out", "file"), "file"),
        (("train", "--from", "binary.json"), "is not text"),
        (("evaluate", "s/0", "--resolution", 0), "--resolution"),
        (("evaluate", "s/0", "--seed", 2**64), "--seed"),
        (("evaluate", "s/0", "--save-stats", "x.npz"), "--against"),
        (("evaluate", "s/0", "--against", "digits", "--save-stats", "file/x.npz"), "file"),
        (("rescore", "s", "--seeds", 1000), "seeds"),
        (("rescore", "s", "--trial", 7), "trial 7"),
        (("resume", "s", "--trials", 1), "trials"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_options_are_checked_before_anything_is_written(
    arguments: tuple[object, ...],
    fragment: str,
    gansearch: Call,
    trained: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gansearch.cli.studies.observers", lambda *_: lambda _: ())
    Path("file").touch()
    Path("binary.json").write_bytes(b"\xff\x00")
    before = load_study("s", trained)
    answer = gansearch(*arguments, "--results", trained)
    assert answer.code == 2
    assert "Traceback" not in answer.err
    assert fragment in answer.err
    assert sorted(path.name for path in Path().iterdir()) == ["binary.json", "file"]
    assert load_study("s", trained) == before
