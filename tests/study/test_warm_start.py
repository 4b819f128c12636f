"""Configurations and results that a new study takes from earlier ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gansearch.errors import StudyError
from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.search.policy import Policy
from gansearch.search.storage.store import layout, read_study
from gansearch.space import Space, parse_space
from gansearch.study.warm_start import COMPARABLE_TAGS, priors, summary
from gansearch.urls import sqlite_url

Take = Callable[..., Any]

YAML = """
name: warm
variant: {variant}
data: {{name: digits, holdout: 0.5}}
training: {{z_dim: {z_dim}}}
parameters: {{d_steps: {{type: int, low: 1, high: {high}}}}}
objectives: {{fd_digits: minimize, seconds_per_kimg: minimize}}
budget: {{trials: {trials}, max_kimg: {kimg}}}
search: {{sampler: random, warm_start: [{names}]}}
"""
TAGS = dict.fromkeys(COMPARABLE_TAGS, "same")


def space_of(**changes: Any) -> Space:
    usual = {"variant": "gan", "z_dim": 8, "high": 9, "trials": 12, "kimg": 30, "names": "old"}
    return parse_space(YAML.format(**{**usual, **changes}), "warm.yaml")


def trial(number: int, fid: float, seconds: float = 1.0, **changes: Any) -> TrialRecord:
    reports = (Report(30, {"fd_digits": fid, "seconds_per_kimg": seconds, "gmacs": 1.0}),)
    fields = {"params": {"variant": "gan", "d_steps": 1 + number}, "seed": number, **changes}
    return TrialRecord(number, reports=reports, outcome=Outcome.COMPLETED, **fields)


TRIALS = (
    trial(0, 9.0, 1.0),
    trial(1, 3.0, 3.0),
    trial(2, 5.0, 2.0),
    trial(3, 8.0, 3.0),
    trial(4, 7.0, 4.0),
    trial(5, 9.0, 4.0, params={"variant": "gan", "d_steps": 5}, replicates=4),
    replace(trial(6, 1.0, 1.0), outcome=Outcome.STOPPED),
)


@pytest.fixture
def take() -> Callable[..., Any]:
    def of(space: Space, trials: tuple[TrialRecord, ...] = TRIALS, **tags: str) -> Any:
        old = space_of(names="")
        record = StudyRecord("old", "", "", 0.0, TAGS, trials)
        return priors(space, {**TAGS, **tags}, lambda _: (old, record))

    return of


def test_the_front_gives_configurations_and_the_rest_gives_results(
    take: Callable[..., Any],
) -> None:
    found = take(space_of())
    # In the order of the first objective; trial 0 is the paper's configuration, tried anyway.
    assert [(p.number, p.params["d_steps"]) for p in found if not p.metrics] == [(1, 2), (2, 3)]
    told = {p.number: p.metrics for p in found if p.metrics}
    assert told == {
        0: {"fd_digits": 9.0, "seconds_per_kimg": 1.0},
        3: {"fd_digits": 8.0, "seconds_per_kimg": 3.0},
        4: {"fd_digits": 8.0, "seconds_per_kimg": 4.0},  # of two trainings
    }
    assert summary(found) == "2 configurations to try, 3 results"


@pytest.mark.parametrize(
    ("changes", "tags"),
    [
        ({"z_dim": 16}, {}),
        ({"kimg": 60}, {}),
        ({}, {"data": "other images"}),
        ({}, {"host": "other"}),
    ],
)
def test_results_of_other_trainings_are_not_used(
    take: Callable[..., Any], changes: dict[str, Any], tags: dict[str, str]
) -> None:
    found = take(space_of(**changes), **tags)
    assert [p.number for p in found] == [1, 2]
    assert not any(p.metrics for p in found)


def test_configurations_are_moved_into_the_ranges_and_tried_once(take: Take) -> None:
    found = take(space_of(high=2))
    assert [(p.number, p.params["d_steps"]) for p in found if not p.metrics] == [(1, 2)]
    assert [p.number for p in found if p.metrics] == [0]


def test_at_most_half_of_the_budget_goes_to_earlier_configurations(
    take: Callable[..., Any],
) -> None:
    found = take(space_of(trials=2))
    assert [p.number for p in found if not p.metrics] == [1]
    assert 2 in [p.number for p in found if p.metrics]


def test_an_earlier_study_without_a_fitting_configuration_is_an_error(
    take: Callable[..., Any],
) -> None:
    with pytest.raises(
        StudyError, match=r"nothing of study 'old' fits the space: its front has only gan"
    ):
        take(space_of(variant="dcgan"))
    with pytest.raises(StudyError, match="fits the space: no trial has completed the full budget"):
        take(space_of(), TRIALS[-1:])


def test_priors_are_on_record_and_earlier_studies_are_not_read_again(
    take: Callable[..., Any], tmp_path: Path
) -> None:
    space = space_of()
    with pytest.raises(StudyError, match="warm_start: there is no study 'old'"):
        priors(space, TAGS, partial(read_study, sqlite_url(tmp_path / "studies.db")))
    study = StudyRecord("new", space.text, "", 0.0, TAGS, (), take(space))
    attributes = json.loads(json.dumps(layout.study_attributes(study)))
    assert layout.study_of("new", attributes, ()) == study
    policy = Policy(space, study)
    asked = [policy.ask() for _ in range(2)]
    again = Policy(space, policy.record())
    asked += [again.ask() for _ in range(4)][2:]  # the first two go on
    assert [ask.params["d_steps"] for ask in asked[:3] if ask] == [1, 2, 3]
    assert [ask.number for ask in asked if ask] == [0, 1, 2, 3]
