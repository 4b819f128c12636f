"""A results folder as it is met: with any name, moved, damaged, or not to be written."""

from __future__ import annotations

import ctypes
import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gansearch.cli import app as cli
from gansearch.cli import scores as cli_scores
from gansearch.cli.terminal import summarise, terminal
from gansearch.errors import StudyError
from gansearch.search.storage.store import read_study, sqlite_url
from gansearch.study import run as study
from gansearch.study.run import load_study

CAPBSET_DROP, DAC_OVERRIDE, DAC_READ_SEARCH = 24, 1, 2


def as_anybody() -> None:
    """Let the process that begins here keep to the rights of files, even where root tests."""
    libc = ctypes.CDLL(None)
    for capability in (DAC_OVERRIDE, DAC_READ_SEARCH):
        libc.prctl(CAPBSET_DROP, capability, 0, 0, 0)


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


Call = Callable[..., Answer]


@pytest.fixture
def gansearch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Call:
    """Calls the entry point in this process, in an empty folder."""
    for name in ("GANSEARCH_RESULTS", "GANSEARCH_STORAGE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def call(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["gansearch", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return Answer(int(ended.value.code or 0), printed.out, printed.err)

    return call


def refused(answer: Answer, *fragments: str) -> None:
    assert answer.code == 2
    assert answer.err.startswith("error: "), answer.err
    assert len(answer.err.splitlines()) == 1
    for fragment in fragments:
        assert fragment in answer.err


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


def without_rights(*commands: tuple[object, ...]) -> subprocess.CompletedProcess[str]:
    """What commands come to in one process that keeps to the rights of files."""
    texts = json.dumps([[str(word) for word in command] for command in commands])
    return subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS, texts],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=as_anybody,
    )


@pytest.fixture
def moved(trained: Path, tmp_path: Path) -> Path:
    """The results of a study ``s``, copied to a folder with a difficult name."""
    return shutil.copytree(trained, tmp_path / "x #1%20é?")


def test_results_are_in_one_folder_whatever_its_name(
    gansearch: Call, moved: Path, tmp_path: Path
) -> None:
    assert gansearch("studies", "--results", moved).out.split()[-1] == "s"
    assert {path.name for path in tmp_path.iterdir()} == {moved.name, "here"}


def test_what_was_moved_can_be_sampled_and_scored(gansearch: Call, moved: Path) -> None:
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
        assert (answer.code, answer.err) == (0, "")
    assert all(trial.scores for trial in load_study("s", moved)[1].trials)


def test_printed_commands_can_be_pasted(
    moved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    summarise(terminal(), "s", moved)
    lines = capsys.readouterr().out.splitlines()
    printed = [line.partition("gansearch")[2] for line in lines if "  gansearch " in line]
    assert len(printed) >= 4
    for command in printed:
        assert shlex.split(command)[-2:] == ["--results", str(moved)]


# --- Not to be written --------------------------------------------------------------------------


@pytest.fixture
def read_only(moved: Path) -> Path:
    for folder, _, files in os.walk(moved):
        for file in files:
            (Path(folder) / file).chmod(0o444)
        Path(folder).chmod(0o555)
    return moved


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_results_that_cannot_be_written_can_be_read(read_only: Path, tmp_path: Path) -> None:
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
    answer = without_rights(*((*command, *there) for command in reading))
    assert (answer.stdout.count("code 0"), answer.stderr) == (len(reading), "")
    assert out.exists()
    assert front.exists()
    writing = (("resume", "s", "--trials", 5, *there), ("rescore", "s", *there))
    answer = without_rights(*writing)
    assert answer.stdout.count("code 2") == len(writing)
    assert answer.stderr.count("results cannot be written there") == len(writing)
    assert listing(read_only) == before


def test_a_log_that_was_left_is_read_too(trained: Path, tmp_path: Path) -> None:
    """As a driver that was killed leaves it: the newest is not in the database's file yet."""
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
    answer = without_rights(("studies", "--results", copy))
    assert answer.stdout.split()[-3:] == ["renamed", "code", "0"], answer.stderr


# --- Damaged, or none ---------------------------------------------------------------------------


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
    refused(gansearch(command, *names, "--results", moved), "studies.db")
    assert (moved / "studies.db").read_bytes() == before


def test_a_record_of_nonsense_is_an_error(gansearch: Call, moved: Path) -> None:
    connection = sqlite3.connect(moved / "studies.db")
    connection.execute("UPDATE trial_user_attributes SET value_json = '{' WHERE key = 'params'")
    connection.commit()
    connection.close()
    refused(gansearch("pareto", "s", "--results", moved), "studies.db", "cannot be read")


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
def test_a_storage_that_is_none_is_an_error_without_secrets(
    url: str, gansearch: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gansearch.search.storage.database.OPEN_SECONDS", 0.01)
    monkeypatch.setenv("GANSEARCH_STORAGE", url)
    for command in (("studies",), ("pareto", "s")):
        answer = gansearch(*command)
        refused(answer)
        assert "hunter2" not in answer.err


def test_a_folder_without_results_is_an_error(gansearch: Call, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "none", tmp_path / "file"):
        refused(gansearch("studies", "--results", place), f"{place} is no folder of results")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "here"}


# --- Resuming -----------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", ["inf", "nan", "0.05", "-1"])
def test_an_amount_that_is_none_destroys_nothing(gansearch: Call, moved: Path, amount: str) -> None:
    before = read_study(sqlite_url(moved / "studies.db"), "s")
    assert gansearch("resume", "s", "--max-kimg", amount, "--results", moved).code == 2
    assert read_study(sqlite_url(moved / "studies.db"), "s") == before


def test_a_cluster_that_is_not_there_changes_nothing(
    moved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StudyError("Ray is away")

    before = read_study(sqlite_url(moved / "studies.db"), "s")
    monkeypatch.setattr("gansearch.search.engine.cluster.cluster", away)
    monkeypatch.setattr("gansearch.study.preflight.check_data", lambda *_: None)
    with pytest.raises(StudyError, match="Ray is away"):
        study.resume_study("s", results=moved, max_kimg=60)
    assert read_study(sqlite_url(moved / "studies.db"), "s") == before


# --- All that is given is checked first ---------------------------------------------------------


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
        (("train", "--from", "binary.json"), "no text"),
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
def test_what_is_given_is_checked_before_anything_is_written(
    arguments: tuple[object, ...],
    fragment: str,
    gansearch: Call,
    trained: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cli_scores, "observers", lambda *_: lambda _: ())
    Path("file").touch()
    Path("binary.json").write_bytes(b"\xff\x00")
    before = load_study("s", trained)
    answer = gansearch(*arguments, "--results", trained)
    assert answer.code == 2
    assert "Traceback" not in answer.err
    assert fragment in answer.err
    assert sorted(path.name for path in Path().iterdir()) == ["binary.json", "file"]
    assert load_study("s", trained) == before
