"""The commands ``pareto`` and ``compare``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from gansearch.record import Outcome, StudyRecord
from gansearch.search.storage.store import StudyStore
from gansearch.space import Space, parse_space
from gansearch.urls import sqlite_url

Call = Callable[..., Any]

GRID = """\
name: grid
variant: dcgan
parameters:
  seed: [0, 1]
  d_steps: [1, 2]
objectives:
  fd_digits: minimize
  seconds_per_kimg: minimize
budget: {trials: 4, max_kimg: 30, rungs: [5, 10]}
search: {sampler: grid}
"""


# --- pareto -------------------------------------------------------------------------------------


def test_the_front_is_printed_and_written(gansearch: Call, recorded: Path) -> None:
    table, plot = Path("new/front.csv"), Path("new/front.png")
    answer = gansearch("pareto", "s", "--results", recorded, "--csv", table, "--plot", plot)
    answer.check_completed()
    front = pd.read_csv(table)
    rows = [line.replace("★", "").split() for line in answer.out.splitlines()]
    assert [int(row[0]) for row in rows if row and row[0].isdigit()] == front["trial"].tolist()
    assert front["recommended"].sum() == 1
    assert Image.open(plot).width >= 1000
    assert answer.out.splitlines()[-2:] == [f"table: {table}", f"plot: {plot}"]


def test_the_results_folder_can_come_from_the_environment(
    gansearch: Call, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANSEARCH_RESULTS", str(recorded))
    assert "Pareto front of s" in gansearch("pareto", "s").out


def front_of(gansearch: Call, results: Path, *options: object) -> pd.DataFrame:
    answer = gansearch("pareto", "s", "--results", results, "--csv", "front.csv", *options)
    answer.check_completed()
    return pd.read_csv("front.csv")


def test_bounds_objectives_and_weights_change_the_front(gansearch: Call, recorded: Path) -> None:
    whole = front_of(gansearch, recorded)
    slow = whole["seconds_per_kimg"].median()
    fast = front_of(gansearch, recorded, "--max", f"seconds_per_kimg={slow}")
    assert 0 < len(fast) < len(whole)
    assert fast["seconds_per_kimg"].max() <= slow
    assert len(front_of(gansearch, recorded, "--objective", "fd_digits")) == 1
    best = front_of(gansearch, recorded, "--weight", "fd_digits=1")
    assert best["trial"].iloc[0] == whole["trial"].iloc[0]
    assert best["fd_digits"].iloc[0] == whole["fd_digits"].min()
    light = front_of(
        gansearch, recorded, "--weight", "peak_memory_mib=5", "--weight", "fd_digits=0"
    )
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
def test_invalid_options_are_refused(
    gansearch: Call, recorded: Path, options: tuple[str, ...], fragments: tuple[str, ...]
) -> None:
    gansearch("pareto", "s", "--results", recorded, *options).check_refused(*fragments)


def test_an_empty_front_is_an_error_with_its_reason(
    gansearch: Call, recorded: Path, tmp_path: Path
) -> None:
    csv, plot = tmp_path / "front.csv", tmp_path / "front.png"
    bounds = ("--max", "fd_digits=0.001", "--max", "gmacs=1e9")  # no trial has gmacs
    answer = gansearch("pareto", "s", "--results", recorded, *bounds, "--csv", csv, "--plot", plot)
    assert answer.code == 1
    assert answer.err.startswith("error: the front of s is empty: ")
    assert len(answer.err.splitlines()) == 1
    assert "completed trials is within every bound" in answer.err
    assert "fd_digits <= 0.001 removes" in answer.err
    assert "gmacs <= 1000000000 removes" in answer.err
    assert len(csv.read_text().splitlines()) == 1  # the names of the columns
    assert plot.exists()
    assert "★" not in answer.out


# --- compare ------------------------------------------------------------------------------------


def test_the_baseline_is_exactly_one_configuration(gansearch: Call, recorded: Path) -> None:
    compare = ("compare", "s", "--results", recorded, "--baseline")
    gansearch(*compare, "variant=gan").check_refused("several configurations")
    gansearch(*compare, "gan").check_refused("dsc.where=none")


def test_a_grid_over_seeds_is_compared_in_percent(
    gansearch: Call, make_study: Callable[..., tuple[Space, StudyRecord]], tmp_path: Path
) -> None:
    _, record = make_study(8)
    space = parse_space(GRID, "grid.yaml")
    finished = [trial for trial in record.trials if trial.outcome == Outcome.COMPLETED]
    with StudyStore.create(sqlite_url(tmp_path / "studies.db"), "g", space, record.tags) as store:
        for number, trial in enumerate(finished[:4]):
            params = {"variant": "dcgan", "d_steps": 1 + number // 2, "seed": number % 2}
            repeated = replace(trial, number=number, params=params, seed=number % 2)
            store.record_trial(repeated)
            store.record_end(repeated)
    answer = gansearch("compare", "g", "--results", tmp_path, "--baseline", "d_steps=1")
    answer.check_completed()
    assert "%" in answer.out
    assert "Faster" not in answer.out  # a published table of another variant
