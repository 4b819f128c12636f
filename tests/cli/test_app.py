"""What a person types and what comes back: exit codes, readable errors, tables and files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

import gansearch as gansearch_package
from gansearch.cli import app as cli
from gansearch.cli import scores as cli_scores
from gansearch.errors import TrialError
from gansearch.record import Outcome, StudyRecord
from gansearch.runs import retrain
from gansearch.search.storage.store import StudyStore, read_study, sqlite_url
from gansearch.settings import LARGEST
from gansearch.space import Space, parse_space
from gansearch.study import run as study
from gansearch.variants.catalog import CATALOG

QUICKSTART = Path(__file__).parents[2] / "search_spaces" / "quickstart.yaml"

SPACE = """\
name: small
variant: [dcgan, gan]
parameters:
  d_steps: [1, 2, 3, 5]
  g_lr: {type: float, low: 2e-5, high: 0.1, log: true}
objectives:
  fd_digits: minimize
  seconds_per_kimg: minimize
  peak_memory_mib: minimize
budget: {trials: 40, max_kimg: 30, rungs: [5, 10]}
"""


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
    for name in ("COLUMNS", "GANSEARCH_RESULTS", "GANSEARCH_STORAGE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["gansearch", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return Answer(int(ended.value.code or 0), printed.out, printed.err)

    return call


@pytest.fixture(scope="module")
def results(
    make_study: Callable[..., tuple[Space, StudyRecord]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with a study of 40 trials on record, ``s``, for reading."""
    folder = tmp_path_factory.mktemp("results")
    _, record = make_study(40)
    space = parse_space(SPACE, "small.yaml")
    with StudyStore.create(sqlite_url(folder / "studies.db"), "s", space, record.tags) as store:
        for trial in record.trials:
            store.record_trial(trial)
            store.record_end(trial)
    return folder


def in_a_process(*arguments: object) -> Answer:
    command = [sys.executable, "-c", "from gansearch.cli.app import main; main()"]
    done = subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def refused(answer: Answer, *fragments: str) -> None:
    """Exit code 2 and one readable line on the error stream."""
    assert answer.code == 2
    assert answer.err.startswith("error: ")
    assert len(answer.err.splitlines()) == 1
    assert "Traceback" not in answer.err
    assert not answer.out
    for fragment in fragments:
        assert fragment in answer.err


def empty(answer: Answer, *fragments: str) -> None:
    """Exit code 1, and why the front is empty in one line on the error stream."""
    assert answer.code == 1
    assert answer.err.startswith("error: the front of ")
    assert len(answer.err.splitlines()) == 1
    for fragment in fragments:
        assert fragment in answer.err


# --- In a process of its own --------------------------------------------------------------------


def test_help_names_every_command() -> None:
    answer = in_a_process("--help")
    assert answer.code == 0
    commands = {command.callback.__name__ for command in cli.app.registered_commands}  # type: ignore[union-attr]
    assert commands >= {"check", "run", "resume", "pareto", "compare", "evaluate", "rescore"}
    assert all(name in answer.out for name in commands)


def test_a_space_that_is_right_is_a_table() -> None:
    answer = in_a_process("check", QUICKSTART)
    assert (answer.code, answer.err) == (0, "")
    assert "trials of" in answer.out


def test_a_space_that_is_wrong_is_a_line_for_each_problem(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("variant: dcgan\nparameters:\n  g_lrr: 1e-4\nbudget: {trials: 0}\n")
    answer = in_a_process("check", file)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.splitlines() == [
        f"error: {file}:3: parameters.g_lrr: 'g_lrr' is not a parameter of dcgan; "
        "did you mean 'g_lr'?",
        f"{file}:4: budget.trials: should be greater than or equal to 1 (got 0)",
    ]


def shell(line: str, **environment: str) -> Answer:
    """A line for bash in which ``$G`` is the command; the code is the command's."""
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "G": f"{sys.executable} -m gansearch", **environment},
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def test_the_version_is_told() -> None:
    assert shell("$G --version").out == f"gansearch {gansearch_package.__version__}\n"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    answer = shell("$G variants | head -c 1 > /dev/null; true")
    assert (answer.code, answer.err) == (0, "")


def test_output_that_cannot_be_written_is_one_line() -> None:
    refused(shell("$G variants > /dev/full"), "No space left on device")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(closed: str) -> None:
    answer = shell(f"$G check {QUICKSTART} {closed}")
    assert (answer.code, answer.err) == (0, "")


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["PYTHONIOENCODING", "LC_ALL"],
)
def test_a_terminal_without_unicode_is_written_in_ascii(
    results: Path, environment: dict[str, str]
) -> None:
    answer = shell(f"$G check {QUICKSTART}; $G pareto s --results {results}", **environment)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.isascii()
    assert "<= 150" in answer.out
    assert "*" in answer.out  # the knee's star


@pytest.mark.parametrize(
    "arguments",
    [
        ("pareto", "s", "--csv", "/proc/version/front.csv"),
        ("pareto", "s", "--plot", "/proc/version/front.png"),
        ("pareto", "s", "--csv", "/tmp"),  # noqa: S108
        ("sample", "s/0", "--out", "/proc/version/a/b.png"),
        ("train", "--from", "s/0", "--out", "/proc/version/trained"),
        ("evaluate", "--against", "digits", "--save-stats", "/proc/version/d.npz"),
        ("profile", "gan", "--plot", "/proc/version/p.png"),
    ],
    ids=lambda arguments: " ".join(arguments[::3]),
)
def test_a_file_that_cannot_be_written_is_named_first(
    gansearch: Call, results: Path, arguments: tuple[str, ...]
) -> None:
    refused(gansearch(*arguments), "folder", "/proc/version" if "proc" in arguments[-1] else "/tmp")  # noqa: S108


# --- Without a study ----------------------------------------------------------------------------


def test_checking_in_process(gansearch: Call, tmp_path: Path) -> None:
    refused(gansearch("check", "missing.yaml"), "missing.yaml: cannot be read")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("variant: dcgan\nparameters: {g_lr: fast}\n")
    refused(gansearch("check", wrong), f"{wrong}:2: parameters.g_lr:", "'fast'")


@pytest.mark.parametrize(
    "command", [("train", "--from", "a/0"), ("sample", "a/0"), ("evaluate", "a/0")]
)
def test_seeds_end_at_64_bits(command: tuple[str, ...]) -> None:
    answer = in_a_process(*command, "--seed", LARGEST + 1)
    assert answer.code == 2
    assert str(LARGEST) in answer.err
    assert "Traceback" not in answer.err


def test_no_table_is_squeezed_where_there_is_no_terminal(
    gansearch: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    condition = "dsc.where is generator or discriminator or both"
    assert condition in gansearch("check", QUICKSTART).out
    monkeypatch.setenv("COLUMNS", "60")
    narrow = gansearch("check", QUICKSTART).out
    assert condition not in narrow
    assert max(map(len, narrow.splitlines())) <= 60


def test_variants_are_listed(gansearch: Call) -> None:
    out = gansearch("variants").out
    assert all(name in out for name in CATALOG)
    of_gan = gansearch("variants", "gan").out
    assert "momentum" in of_gan
    assert "Goodfellow et al. 2014" in of_gan
    refused(gansearch("variants", "dcgam"), "'dcgam'", "did you mean dcgan")


@pytest.mark.parametrize(
    "arguments",
    [
        ("pareto", "nothing"),
        ("resume", "nothing"),
        ("sync", "nothing"),
        ("rescore", "nothing"),
        ("evaluate", "nothing/0"),
        ("sample", "nothing/0"),
        ("train", "--from", "nothing/0"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_unknown_study_is_named(
    gansearch: Call, results: Path, arguments: tuple[str, ...]
) -> None:
    refused(gansearch(*arguments, "--results", results), "no study 'nothing'", "s")
    refused(gansearch(*arguments, "--results", "empty"), "no study 'nothing'", "does not exist")
    assert not Path("empty").exists()


def test_what_is_to_be_trained_or_sampled_must_be_there(gansearch: Call, results: Path) -> None:
    refused(gansearch("train", "--from", "gone.json"), "gone.json: No such file")
    refused(gansearch("train", "--from", "0123abc"), "no MLflow database", "'0123abc'")
    refused(gansearch("train", "--from", "s/77", "--results", results), "s has trials 0 to 39")
    refused(gansearch("sample", "gone"), "gone: there is no checkpoint")


def test_what_the_parser_refuses_has_the_same_code(gansearch: Call) -> None:
    for arguments in (
        ("chek",),
        ("run", QUICKSTART, "--trials", "3"),
        ("sample", "x", "--count", 0),
    ):
        answer = gansearch(*arguments)
        assert answer.code == 2
        assert "Traceback" not in answer.err


def test_a_run_that_diverges_is_no_mistake_of_the_person(
    gansearch: Call, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(*_: Any, **__: Any) -> Any:
        raise TrialError("seed 1: diverged: nan at 3 kimg")

    monkeypatch.setattr(retrain, "retrain", diverge)
    answer = gansearch("train", "--from", "s/0", "--results", results)
    assert (answer.code, answer.err) == (1, "error: seed 1: diverged: nan at 3 kimg\n")


# --- With a study on record ---------------------------------------------------------------------


def test_studies_are_listed(gansearch: Call, results: Path) -> None:
    assert gansearch("studies", "--results", results).out.split()[-1] == "s"
    refused(gansearch("studies"), "results is no folder of results")
    Path("file").touch()
    refused(gansearch("studies", "--results", "file"), "file is no folder of results")


def test_results_can_come_from_the_environment(
    gansearch: Call, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANSEARCH_RESULTS", str(results))
    assert "Pareto front of s" in gansearch("pareto", "s").out


def test_a_front_is_printed_and_written(gansearch: Call, results: Path) -> None:
    table, plot = Path("new/front.csv"), Path("new/front.png")
    answer = gansearch("pareto", "s", "--results", results, "--csv", table, "--plot", plot)
    assert (answer.code, answer.err) == (0, "")
    front = pd.read_csv(table)
    rows = [line.replace("★", "").split() for line in answer.out.splitlines()]
    assert [int(row[0]) for row in rows if row and row[0].isdigit()] == front["trial"].tolist()
    assert front["knee"].sum() == 1
    assert Image.open(plot).width >= 1000
    assert answer.out.splitlines()[-2:] == [f"table: {table}", f"plot: {plot}"]


def front_of(call: Call, results: Path, *options: object) -> pd.DataFrame:
    answer = call("pareto", "s", "--results", results, "--csv", "front.csv", *options)
    assert (answer.code, answer.err) == (0, "")
    return pd.read_csv("front.csv")


def test_bounds_objectives_and_weights_are_those_asked_for(gansearch: Call, results: Path) -> None:
    whole = front_of(gansearch, results)
    slow = whole["seconds_per_kimg"].median()
    fast = front_of(gansearch, results, "--max", f"seconds_per_kimg={slow}")
    assert 0 < len(fast) < len(whole)
    assert fast["seconds_per_kimg"].max() <= slow
    none = gansearch("pareto", "s", "--results", results, "--max", "gmacs=1e9")
    empty(none, "gmacs <= 1000000000 removes")  # no trial has gmacs
    assert len(front_of(gansearch, results, "--objective", "fd_digits")) == 1
    best = front_of(gansearch, results, "--weight", "fd_digits=1")
    assert best["trial"].iloc[0] == whole["trial"].iloc[0]
    assert best["fd_digits"].iloc[0] == whole["fd_digits"].min()
    light = front_of(gansearch, results, "--weight", "peak_memory_mib=5", "--weight", "fd_digits=0")
    assert light["peak_memory_mib"].iloc[0] == whole["peak_memory_mib"].min()


@pytest.mark.parametrize(
    ("options", "fragments"),
    [
        (("--max", "foo"), ("--max foo", "--max fid=20")),
        (("--min", "fd_digits=low"), ("--min fd_digits=low", "a number")),
        (("--weight", "=1"), ("not an objective",)),
        (("--max", "fidd=3"), ("'fidd' is not a metric",)),
        (("--objective", "fidd"), ("'fidd' is not a metric",)),
        (("--weight", "fd_digits=-1"), ("at least 0",)),
        (("--plot", "front.bmp"), ("front.bmp", ".png")),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_front_that_cannot_be_asked_for(
    gansearch: Call, results: Path, options: tuple[str, ...], fragments: tuple[str, ...]
) -> None:
    answer = gansearch("pareto", "s", "--results", results, *options)
    assert answer.code == 2
    assert len(answer.err.splitlines()) == 1
    assert all(fragment in answer.err for fragment in fragments)


@dataclass
class Recorded:
    """Stands in for the search: keeps what it was called with."""

    results: Path
    call: dict[str, Any]

    def __call__(self, *arguments: Any, **options: Any) -> StudyRecord:
        self.call = {"arguments": arguments, **options}
        return read_study(sqlite_url(self.results / "studies.db"), "s")[1]


def test_run_and_resume_are_watched_and_summed_up(
    gansearch: Call, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Recorded(results, {})
    monkeypatch.setattr(study, "run_study", search)
    monkeypatch.setattr(study, "resume_study", search)
    ran = gansearch("run", QUICKSTART, "--name", "s", "--results", results)
    space = search.call["arguments"][0]
    assert (space.name, search.call["name"]) == ("quickstart", "s")
    watchers = search.call["observers"](space)
    assert [type(each).__name__ for each in watchers] == ["ProgressView", "MlflowMirror"]
    resumed = gansearch("resume", "s", "--results", results, "--trials", 50, "--max-kimg", 60)
    assert search.call["arguments"] == ("s",)
    assert (search.call["trials"], search.call["max_kimg"]) == (50, 60.0)
    for answer in (ran, resumed):
        assert (answer.code, answer.err) == (0, "")
        assert "Pareto front of s" in answer.out
        assert f"gansearch pareto s --results {results}" in answer.out


# --- Scoring ------------------------------------------------------------------------------------


def test_a_front_is_scored_again(
    gansearch: Call, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(cli_scores, "observers", lambda *_: lambda _: ())
    before = gansearch("pareto", "s", "--results", tmp_path)
    assert "Student's t" not in before.out
    answer = gansearch("rescore", "s", "--results", tmp_path, "--samples", 60, "--seeds", 2)
    assert (answer.code, answer.err) == (0, "")
    assert (
        "Student's t, 2 seeds of latents); samples=60; source=latents of seeds 1, 2" in answer.out
    )
    front = front_of(gansearch, tmp_path)
    assert (front["fd_digits_low"] < front["fd_digits"]).all()
    assert (front["fd_digits"] < front["fd_digits_high"]).all()
    refused(gansearch("rescore", "s", "--results", tmp_path, "--trial", 7), "trial 7 has not")
    assert gansearch("rescore", "s", "--seeds", 1).code == 2


def test_checkpoints_and_data_are_scored(gansearch: Call, trained: Path) -> None:
    options = ("--results", trained, "--samples", 40, "--seed", 0, "--seed", 1)
    answer = gansearch("evaluate", "s/0", *options, "--against", "digits")
    assert (answer.code, answer.err) == (0, "")
    assert "±" in answer.out
    assert "samples=40; source=latents of seeds 0, 1; against=1797 real ones" in answer.out
    metric = ("--metric", "fd_random")
    saved = gansearch("evaluate", "--against", "digits", *metric, "--save-stats", "d.npz")
    assert saved.out == "statistics of digits: d.npz\n"
    same = gansearch("evaluate", "d.npz", "--against", "d.npz")
    assert "d.npz against d.npz" in same.out
    refused(gansearch("evaluate"), "nothing to score")
    refused(gansearch("evaluate", "--save-stats", "d.npz"), "--against")
    refused(gansearch("evaluate", "--against", "digits", "--save-stats", "d.txt"), ".npz")
    refused(gansearch("evaluate", "d.npz"), "needs --against")
    answer = gansearch("sample", "s/1", "--results", trained, "--count", 4, "--out", "four.png")
    assert (answer.code, Path("four.png").exists()) == (0, True)


# --- Comparing ----------------------------------------------------------------------------------


def test_configurations_are_compared_with_a_baseline(gansearch: Call, results: Path) -> None:
    answer = gansearch("compare", "s", "--results", results, "--baseline", "variant=gan")
    refused(answer, "several configurations")
    refused(gansearch("compare", "s", "--results", results, "--baseline", "gan"), "dsc.where=none")


def test_a_grid_over_seeds_is_compared(
    gansearch: Call, make_study: Callable[..., tuple[Space, StudyRecord]], tmp_path: Path
) -> None:
    _, record = make_study(8)
    space = parse_space(
        SPACE.replace("parameters:", "parameters:\n  seed: [0, 1]").replace(
            "{type: float, low: 2e-5, high: 0.1, log: true}", "1e-4"
        )
        + "search: {sampler: grid}\n",
        "small.yaml",
    )
    finished = [trial for trial in record.trials if trial.outcome == Outcome.COMPLETED]
    with StudyStore.create(sqlite_url(tmp_path / "studies.db"), "g", space, record.tags) as store:
        for number, trial in enumerate(finished[:4]):
            params = {"variant": "dcgan", "d_steps": 1 + number // 2, "seed": number % 2}
            store.record_trial(replace(trial, number=number, params=params, seed=number % 2))
            store.record_end(replace(trial, number=number, params=params, seed=number % 2))
    answer = gansearch("compare", "g", "--results", tmp_path, "--baseline", "d_steps=1")
    assert (answer.code, answer.err) == (0, "")
    assert "%" in answer.out
    assert "Faster" not in answer.out


def test_an_empty_front_is_an_error_that_says_why(
    gansearch: Call, results: Path, tmp_path: Path
) -> None:
    limits = ("--results", results, "--max", "fd_digits=0.001")
    csv, plot = tmp_path / "front.csv", tmp_path / "front.png"
    answer = gansearch("pareto", "s", *limits, "--csv", csv, "--plot", plot)
    empty(answer, "completed trials is within every bound", "fd_digits <= 0.001 removes")
    assert len(csv.read_text().splitlines()) == 1  # the names of the columns
    assert plot.exists()
    assert "★" not in answer.out
