"""The front as a pandas ``DataFrame``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from gansearch.record import Score, StudyRecord
from gansearch.report.front.frame import front_frame
from gansearch.report.front.selection import Selection, select
from gansearch.space import Bound, Space

Make = Callable[..., tuple[Space, StudyRecord]]
OBJECTIVES = ["fd_digits", "seconds_per_kimg", "peak_memory_mib"]


@pytest.fixture
def selection(make_study: Make) -> Selection:
    return select(*make_study(60))


def test_a_row_has_the_values_of_its_point(selection: Selection) -> None:
    frame = selection.to_frame()
    pd.testing.assert_frame_equal(frame, front_frame(selection))
    assert frame["trial"].tolist() == [trial.number for trial in selection.front]
    assert frame.loc[frame["recommended"], "trial"].tolist() == [selection.knee.number]
    for trial, row in zip(selection.front, frame.to_dict("records"), strict=True):
        assert row["variant"] == trial.params["variant"]
        assert row["probability"] == selection.probabilities[trial.number]
        assert row["by_noise"] == (trial in selection.by_noise)
        assert (row["kimg"], row["seed"], row["trainings"]) == (30.0, trial.seed, 1)
        for name in OBJECTIVES:
            assert row[name] == selection.values(trial)[name]
        for name in ("d_steps", "g_lr"):
            assert row[f"params.{name}"] == trial.params[name]


def test_objectives_come_first_each_with_its_error_and_interval(selection: Selection) -> None:
    columns = selection.to_frame().columns.tolist()
    assert columns[:4] == ["trial", "variant", "recommended", "fd_digits"]
    assert [name for name in columns if name in OBJECTIVES] == OBJECTIVES
    assert columns.index("fd_digits_error") == columns.index("fd_digits") + 1
    assert "fd_digits_low" not in columns  # one value has no interval
    assert "train_seconds" in columns
    assert "d_loss" not in columns  # not a metric of the catalog


def test_rescored_points_have_intervals_around_their_means(make_study: Make) -> None:
    space, record = make_study(60)
    score = Score(30.0, (1, 2), (4.0, 5.0), "10000 images", 0.0)
    rescored = tuple(
        replace(trial, scores={"fd_digits": score}) if trial.outcome == "completed" else trial
        for trial in record.trials
    )
    frame = select(space, replace(record, trials=rescored)).to_frame()
    assert (frame["fd_digits"] == 4.5).all()
    assert (frame["fd_digits_low"] < 4.5).all()
    assert (frame["fd_digits_low"] + frame["fd_digits_high"]).tolist() == pytest.approx(
        [9.0] * len(frame)
    )
    assert (frame["fd_digits_error"] > 0).all()


def test_an_empty_front_has_the_columns_and_no_row(make_study: Make) -> None:
    selection = select(*make_study(60), bounds=[Bound(metric="fd_digits", max=0.001)])
    frame = selection.to_frame()
    assert frame.empty
    assert {"trial", "recommended", *OBJECTIVES, "params.g_lr"} <= set(frame.columns)
