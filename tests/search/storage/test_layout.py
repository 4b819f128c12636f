"""Conversion between records and Optuna's studies and trials."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from optuna.study import StudyDirection
from optuna.trial import TrialState

from gansearch.record import Ancestor, Outcome, Prior, Report, Score, StudyRecord, TrialRecord
from gansearch.search.storage import layout
from gansearch.space import Space


def through_json(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes as a database returns them."""
    read: dict[str, Any] = json.loads(json.dumps(attributes))
    return read


@pytest.fixture
def running(
    trial: Callable[..., TrialRecord],
    report: Callable[..., Report],
    make_space: Callable[..., Space],
) -> TrialRecord:
    """A replicate with a lineage and two reports."""
    lineage = (Ancestor(1, {"variant": "gan", "d_steps": 2, "g_lr": 1e-4}, 5.0),)
    sampled = make_space().sampled(trial().params)
    return trial(
        3,
        sampled=sampled,
        replicates=2,
        lineage=lineage,
        reports=(report(10.0), replace(report(30.0), moment=9.0)),
    )


def test_a_running_trial_reads_back(make_space: Callable[..., Space], running: TrialRecord) -> None:
    frozen = layout.running_trial(make_space(), running)
    tags = running.reports[-1].tags
    assert layout.trial_of(through_json(frozen.user_attrs)) == replace(running, tags=tags)
    assert frozen.intermediate_values == {10_000: 10.0, 30_000: 10.0}
    assert frozen.state == TrialState.RUNNING


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_ended_trial_reads_back(
    make_space: Callable[..., Space], running: TrialRecord, outcome: Outcome
) -> None:
    ended = replace(running, outcome=outcome, reason="because", ended=8.0, tags={"host": "a"})
    attributes = layout.running_trial(make_space(), running).user_attrs
    attributes = {**attributes, **layout.end_attributes(ended)}
    assert list(attributes)[-1] == "outcome"  # it is written last and makes the end valid
    assert layout.trial_of(through_json(attributes)) == ended
    assert (layout.final_values(make_space(), ended) is None) == (outcome != Outcome.COMPLETED)


def test_the_last_report_of_a_killed_process_includes_the_end(
    make_space: Callable[..., Space], running: TrialRecord
) -> None:
    ended = replace(running, outcome=Outcome.STOPPED, reason="poor", ended=8.0)
    attributes = layout.running_trial(make_space(), running).user_attrs
    attributes |= dict(layout.report_attribute(ended, report) for report in ended.reports)
    read = layout.trial_of(through_json(attributes))
    assert (read.outcome, read.reason, read.ended) == (Outcome.STOPPED, "poor", 8.0)


def test_a_study_reads_back_with_scores_and_priors(
    make_space: Callable[..., Space], running: TrialRecord
) -> None:
    score = Score(30.0, (1, 2), (9.0, 9.5), "10000 images", 4.0)
    scored = replace(running, scores={"fd_digits": score}, tags=running.reports[-1].tags)
    prior = Prior("old", 4, {"variant": "gan"}, {"fd_digits": 3.0})
    study = StudyRecord("s", "name: s", "s.yaml", 2.0, {"torch": "2"}, (scored,), (prior,))
    key, scores = layout.scores_attribute(scored)
    attributes = {**layout.study_attributes(study), key: scores}
    trials = [layout.running_trial(make_space(), running).user_attrs]
    assert layout.study_of("s", through_json(attributes), map(through_json, trials)) == study
    # Studies of earlier versions lack these; a later trial with the same number continues it.
    del attributes["priors"]
    for name in ("sampled", "replicates", "lineage"):
        del trials[0][name]
    longer = [{**trials[0], "seed": 1}, *trials]
    read = layout.study_of("s", through_json(attributes), map(through_json, longer))
    bare = replace(scored, sampled={}, replicates=None, lineage=())
    assert read == replace(study, trials=(bare,), priors=())


def test_directions_are_optunas(tiny_space: Callable[..., Space]) -> None:
    objectives = [
        {"metric": "fd_digits", "direction": "minimize"},
        {"metric": "seconds_per_kimg", "direction": "maximize"},
    ]
    directions = layout.directions_of(tiny_space(objectives=objectives))
    assert directions == [StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE]
