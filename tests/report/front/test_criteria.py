"""Objectives and bounds of a front, and which trials may be compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gansearch.errors import ProtocolError, UsageError
from gansearch.record import Outcome
from gansearch.report import select
from gansearch.space import Bound


def test_a_maximised_objective_is_negated(make_trial: Any, numbers: Any, study: Any) -> None:
    objectives = (
        {"metric": "fd_digits", "direction": "maximize"},
        {"metric": "seconds_per_kimg", "direction": "minimize"},
    )
    space, record = study(
        make_trial(0, 5, 1), make_trial(1, 9, 1), make_trial(2, 1, 0.5), objectives=objectives
    )
    assert numbers(select(space, record).front) == [1, 2]


def test_bounds_of_space_and_caller_apply(make_trial: Any, numbers: Any, study: Any) -> None:
    objectives = (
        {"metric": "fd_digits", "direction": "minimize", "max": 50},
        {"metric": "seconds_per_kimg", "direction": "minimize"},
    )
    constraints = ({"metric": "peak_memory_mib", "max": 100},)
    trials = (
        make_trial(0, 60, 1, 50),
        make_trial(1, 40, 2, 150),
        make_trial(2, 30, 3, 90),
        make_trial(3, 20, 4, 80),
    )
    space, record = study(*trials, objectives=objectives, constraints=constraints)
    selection = select(space, record, bounds=[Bound(metric="seconds_per_kimg", max=3)])
    assert numbers(selection.front) == [2]
    assert selection.removed["fd_digits <= 50"] == (0,)
    assert selection.removed["peak_memory_mib <= 100"] == (1,)
    assert selection.removed["seconds_per_kimg <= 3"] == (3,)


def test_an_empty_front_names_the_bounds_that_remove_trials(make_trial: Any, study: Any) -> None:
    space, record = study(make_trial(0, 60, 1, 50), make_trial(1, 40, 2, 150))
    bounds = [Bound(metric="fd_digits", max=50), Bound(metric="peak_memory_mib", max=100)]
    selection = select(space, record, bounds=bounds)
    assert (selection.front, selection.knee) == ((), None)
    assert "fd_digits <= 50 removes 1; peak_memory_mib <= 100 removes 1" in selection.message
    assert selection.to_frame().empty


def test_bounds_apply_to_rescored_values(
    make_trial: Any, numbers: Any, rescored: Any, study: Any
) -> None:
    trials = rescored(make_trial(0, 5, 5, 5), 3, 3), rescored(make_trial(1, 3, 6, 6), 5, 5)
    selection = select(*study(*trials), bounds=[Bound(metric="fd_digits", max=4)])
    assert numbers(selection.front) == [0]
    assert selection.removed["fd_digits <= 4"] == (1,)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_a_trial_without_a_finite_objective_is_excluded(
    make_trial: Any, numbers: Any, study: Any, value: float | None
) -> None:
    values = (1.0, 1.0) if value is None else (1.0, 1.0, value)
    selection = select(*study(make_trial(0, 5, 5, 5), make_trial(1, *values)))
    assert numbers(selection.front) == [0]
    assert selection.removed["a finite peak_memory_mib"] == (1,)


def test_other_objectives_have_the_direction_of_the_catalog(
    make_trial: Any, numbers: Any, study: Any
) -> None:
    selection = select(
        *study(make_trial(0, 5, 2, 7), make_trial(1, 9, 1, 9)),
        objectives=["fd_digits", "peak_memory_mib"],
    )
    assert numbers(selection.front) == [0]
    assert [o.metric for o in selection.objectives] == ["fd_digits", "peak_memory_mib"]


def test_different_protocols_are_refused_by_name(make_trial: Any, study: Any) -> None:
    one = make_trial(0, 5, 5, 5, protocols={"fd_digits": "digits-900"})
    other = make_trial(1, 1, 9, 9, protocols={"fd_digits": "digits-250"})
    with pytest.raises(ProtocolError, match=r"digits-900 \(trial 0\) and digits-250 \(trial 1\)"):
        select(*study(one, other))
    # A trial that cannot be on the front is not compared, and neither is an objective not asked.
    assert select(*study(one, replace(other, outcome=Outcome.STOPPED))).front == (one,)
    assert select(*study(one, other), objectives=["seconds_per_kimg"]).front == (one,)


def test_trials_with_different_stand_ins_are_never_ranked_together(
    make_trial: Any, study: Any
) -> None:
    random, real, other = (
        make_trial(number, 5 - number, 5, 5 + number, protocols={"fd_digits": "a", **tags})
        for number, tags in enumerate(({"projector": "random"}, {"projector": "lite0 1f"}, {}))
    )
    with pytest.raises(ProtocolError, match=r"projector .* random \(trial 0\) and lite0 1f"):
        select(*study(random, real))
    with pytest.raises(ProtocolError, match="projector"):
        select(*study(random, real), objectives=["seconds_per_kimg"])
    # One that has no projector at all is comparable with either.
    assert {t.number for t in select(*study(random, other)).front} == {0, 2}
    assert {t.number for t in select(*study(real, other)).front} == {1, 2}


def test_two_sample_counts_are_never_ranked_together(
    make_trial: Any, rescored: Any, study: Any
) -> None:
    more = "samples=10000; source=latents of seeds 1, 2"
    fewer = "samples=2000; source=latents of seeds 1, 2"
    trials = (
        rescored(make_trial(0, 5, 5, 5), 4, 4, protocol=more),
        rescored(make_trial(1, 5, 4, 5), 5, 5, protocol=fewer),
    )
    with pytest.raises(ProtocolError) as caught:
        select(*study(*trials))
    message = str(caught.value)
    assert "samples 10000 against 2000" in message
    assert f"{more} (trial 0)" in message
    assert f"{fewer} (trial 1)" in message
    assert message.endswith("`gansearch rescore STUDY` evaluates them under one protocol")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"objectives": ["fidd"]}, "'fidd' is not a metric"),
        ({"objectives": []}, "at least one objective"),
        ({"bounds": [Bound(metric="memory", max=1)]}, "'memory' is not a metric"),
        ({"weights": {"gmacs": 1}}, "not an objective"),
        ({"weights": {"fd_digits": -1}}, "at least 0"),
        ({"weights": {"fd_digits": float("nan")}}, "at least 0"),
        ({"weights": {"fd_digits": 0}}, "all 0"),
    ],
)
def test_invalid_objectives_bounds_and_weights_are_refused(
    make_trial: Any, study: Any, arguments: Any, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        select(*study(make_trial(0, 1, 1, 1)), **arguments)
