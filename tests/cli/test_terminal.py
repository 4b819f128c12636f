"""Output of the commands: streams, encodings, widths, and the end of a study."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gansearch.cli.terminal import output_console, summarise
from gansearch.errors import EmptyFrontError, ProtocolError
from gansearch.record import StudyRecord
from gansearch.report.front import selection
from gansearch.study.reading import load_study

Call = Callable[..., Any]
QUICKSTART = Path(__file__).parents[2] / "search_spaces" / "quickstart.yaml"


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which ``$G`` is the program."""
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "G": f"{sys.executable} -m gansearch", **environment},
    )


# --- Streams ------------------------------------------------------------------------------------


def test_a_closed_pipe_is_not_an_error() -> None:
    answer = shell("$G variants | head -c 1 > /dev/null; true")
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_full_disk_is_one_line() -> None:
    answer = shell("$G variants > /dev/full")
    assert answer.returncode == 2
    assert answer.stderr == "error: output: No space left on device\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_not_an_error(closed: str) -> None:
    answer = shell(f"$G check {QUICKSTART} {closed}")
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["PYTHONIOENCODING", "LC_ALL"],
)
def test_a_terminal_without_unicode_gets_ascii(recorded: Path, environment: dict[str, str]) -> None:
    answer = shell(f"$G check {QUICKSTART}; $G pareto s --results {recorded}", **environment)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.isascii()
    assert "<= 150" in answer.stdout
    assert "*" in answer.stdout  # the mark of the recommended point


def test_tables_are_squeezed_only_to_the_width_of_a_terminal(
    gansearch: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    condition = "dsc.where is generator or discriminator or both"
    assert condition in gansearch("check", QUICKSTART).out
    monkeypatch.setenv("COLUMNS", "60")
    narrow = gansearch("check", QUICKSTART).out
    assert condition not in narrow
    assert max(map(len, narrow.splitlines())) <= 60


# --- The end of a study -------------------------------------------------------------------------


@pytest.fixture
def record(recorded: Path) -> StudyRecord:
    return load_study("s", recorded)[1]


def test_the_summary_selects_the_front_once_and_does_not_read_the_record(
    record: StudyRecord, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[str] = []

    def counted(space: Any, record: StudyRecord, **options: Any) -> Any:
        calls.append(record.name)
        return select(space, record, **options)

    select = selection.select
    monkeypatch.setattr(selection, "select", counted)
    summarise(output_console(), record, Path("no such folder"))
    assert calls == ["s"]
    assert "Pareto front of s" in capsys.readouterr().out


def test_printed_commands_can_be_pasted(
    record: StudyRecord, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    results = Path("x #1%20é?")
    summarise(output_console(), record, results)
    lines = capsys.readouterr().out.splitlines()
    printed = [line.partition("gansearch")[2] for line in lines if "  gansearch " in line]
    assert len(printed) >= 4
    for command in printed:
        assert shlex.split(command)[-2:] == ["--results", str(results)]


def test_an_empty_front_is_an_error_after_the_summary(
    record: StudyRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EmptyFrontError, match="the front of s is empty: no trial has completed"):
        summarise(output_console(), replace(record, trials=()), Path("results"))
    assert "gansearch pareto s" in capsys.readouterr().out


def test_trials_that_cannot_be_ranked_are_an_error_after_the_next_commands(
    record: StudyRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    first = next(trial for trial in record.trials if trial.outcome == "completed")
    other = {"fd_digits": "another protocol"}
    changed = replace(
        first, reports=tuple(replace(report, protocols=other) for report in first.reports)
    )
    trials = tuple(changed if trial is first else trial for trial in record.trials)
    with pytest.raises(ProtocolError):
        summarise(output_console(), replace(record, trials=trials), Path("results"))
    assert "gansearch pareto s" in capsys.readouterr().out
