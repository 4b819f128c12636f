"""Content of MLflow runs as a function of the record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils import validation

from gansearch.config import TrainConfig
from gansearch.record import Ancestor, Outcome, StudyRecord
from gansearch.space import Space
from gansearch.tracking.content import (
    MAX_KEY,
    MAX_TAG,
    Steps,
    clean,
    fitting_tags,
    identity,
    study_content,
    trial_content,
)

Study = tuple[Space, StudyRecord]
Dumped = Callable[[Path | str], dict[str, Any]]


def test_a_lineage_is_a_tag_and_in_the_configuration(study: Study) -> None:
    space, record = study
    trial = record.trials[0]
    parent = Ancestor(3, {**trial.params, "g_lr": 0.03}, 5.0)
    child = replace(trial, params={**trial.params, "g_lr": 0.02}, lineage=(parent,))
    content = trial_content(space, record, child, Steps("kimg"), closed=True)
    assert content.tags["lineage"] == "trial 3 to 5 kimg"
    config = TrainConfig.from_json(content.artifacts[0].files()["config.json"].decode())
    rates = [config.settings_at(images).g_lr for images in (4999, 5000)]  # type: ignore[attr-defined]
    assert rates == [0.03, 0.02]


@given(st.text())
def test_clean_names_are_valid_in_mlflow(name: str) -> None:
    validation._validate_metric_name(clean(name))
    assert len(clean(name)) <= MAX_KEY
    assert clean(clean(name)) == clean(name)


def test_valid_names_are_unchanged_and_long_tags_are_cut() -> None:
    assert clean("protocol/finalist/fd_digits") == "protocol/finalist/fd_digits"
    assert fitting_tags({"a@": "x" * 9000, "b": 3}) == {"a_": "x" * MAX_TAG, "b": "3"}


@pytest.mark.parametrize(
    ("rungs", "unit", "step"), [((5.0, 10.0), "kimg", 5), ((2.5, 5.0), "images", 5000)]
)
def test_steps_are_kimg_if_every_rung_is_whole(
    make_study: Any, rungs: tuple[float, ...], unit: str, step: int
) -> None:
    space, _ = make_study(0, budget={"trials": 1, "max_kimg": 30.0, "rungs": rungs})
    assert (Steps.of(space).unit, Steps.of(space)(5.0)) == (unit, step)


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("outcome", [None, *Outcome])
def test_the_status_follows_outcome_and_end_of_the_study(
    study: Study, outcome: Outcome | None, closed: bool
) -> None:
    space, record = study
    trial = replace(record.trials[0], outcome=outcome)
    record = replace(record, trials=(trial,))
    content = trial_content(space, record, trial, Steps("kimg"), closed=closed)
    parent = study_content(space, record, Steps("kimg"), closed=closed)
    interrupted = closed and outcome is None
    failed = outcome in (Outcome.DIVERGED, Outcome.OUT_OF_MEMORY, Outcome.FAILED)
    finished = "FAILED" if failed else "FINISHED"
    unfinished = "KILLED" if interrupted else "RUNNING"
    assert content.status == (unfinished if outcome is None else finished)
    assert (content.ended is None) == (outcome is None and not closed)
    assert parent.status == (unfinished if interrupted or not closed else "FINISHED")
    assert identity(record).items() <= content.tags.items()
    assert identity(record).items() <= parent.tags.items()
