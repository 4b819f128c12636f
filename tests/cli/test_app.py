"""The program: its help, version and exit codes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gansearch as package
from gansearch.cli.app import GROUPS
from gansearch.errors import TrialError

Call = Callable[..., Any]
QUICKSTART = Path(__file__).parents[2] / "search_spaces" / "quickstart.yaml"


def in_a_process(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gansearch", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_help_lists_every_command_under_its_heading() -> None:
    answer = in_a_process("--help")
    assert answer.returncode == 0
    for heading, commands in GROUPS.items():
        assert f"─ {heading} ─" in answer.stdout
        for command in commands:
            assert f"│ {command.__name__} " in answer.stdout


def test_the_version_is_printed() -> None:
    assert in_a_process("--version").stdout == f"gansearch {package.__version__}\n"


def test_each_problem_of_a_space_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("variant: dcgan\nparameters:\n  g_lrr: 1e-4\nbudget: {trials: 0}\n")
    answer = in_a_process("check", file)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.splitlines() == [
        f"error: {file}:3: parameters.g_lrr: 'g_lrr' is not a parameter of dcgan; "
        "did you mean 'g_lr'?",
        f"{file}:4: budget.trials: should be greater than or equal to 1 (got 0)",
    ]


@pytest.mark.parametrize(
    "words",
    [("chek",), ("run", QUICKSTART, "--trials", "3"), ("sample", "x", "--count", 0)],
    ids=lambda words: words[0],
)
def test_an_invalid_command_line_ends_with_code_2(
    gansearch: Call, words: tuple[object, ...]
) -> None:
    answer = gansearch(*words)
    assert answer.code == 2
    assert "Traceback" not in answer.err


def test_a_diverged_run_ends_with_code_1(
    gansearch: Call, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(*_: Any, **__: Any) -> Any:
        raise TrialError("seed 1: diverged: nan at 3 kimg")

    monkeypatch.setattr("gansearch.runs.retrain.retrain", diverge)
    answer = gansearch("train", "--from", "s/0", "--results", recorded)
    assert (answer.code, answer.err) == (1, "error: seed 1: diverged: nan at 3 kimg\n")


@pytest.mark.parametrize(
    "words",
    [
        ("pareto", "nothing"),
        ("compare", "nothing", "--baseline", "d_steps=1"),
        ("resume", "nothing"),
        ("sync", "nothing"),
        ("rescore", "nothing"),
        ("evaluate", "nothing/0"),
        ("sample", "nothing/0"),
        ("train", "--from", "nothing/0"),
    ],
    ids=lambda words: words[0],
)
def test_every_command_names_an_unknown_study(
    gansearch: Call, recorded: Path, words: tuple[str, ...]
) -> None:
    gansearch(*words, "--results", recorded).check_refused("no study 'nothing'", "there are s")
    missing = gansearch(*words, "--results", "empty")
    missing.check_refused("no study 'nothing'", "does not exist")
    assert not Path("empty").exists()
