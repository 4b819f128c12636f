"""Objective values and constraint violations of trials."""

from collections.abc import Callable

import pytest
from optuna.trial import TrialState, create_trial

from gansearch.record import DEVICE_MEMORY, PREDICTED_MEMORY, Outcome, Report, TrialRecord
from gansearch.search.feasibility import (
    NO_RESULT_VIOLATION,
    constraint_attributes,
    is_full,
    memory_excess,
    memory_tags,
    objective_values,
    violations,
)
from gansearch.space import Space

MakeTrial = Callable[..., TrialRecord]
DEVICE = 500.0


def test_violations_are_relative_and_order_the_outcomes(
    make_space: Callable[..., Space], trial: MakeTrial, report: Callable[..., Report]
) -> None:
    space = make_space()
    good = violations(space, trial(reports=(report(30, 25),), outcome=Outcome.COMPLETED))
    assert good == {"fd_digits.max": -0.5, "params_m.max": pytest.approx(-0.8)}
    large = trial(reports=(report(30, 60, params_m=10.0),), outcome=Outcome.COMPLETED)
    assert violations(space, large) == {"fd_digits.max": 0.2, "params_m.max": 1.0}
    # At a rung the cost is known, but the quality at the full budget is not.
    early = violations(space, trial(reports=(report(5, 600),), outcome=Outcome.STOPPED))
    late = violations(space, trial(reports=(report(10, 600),), outcome=Outcome.STOPPED))
    assert set(early) == {"params_m.max", "stopped"}
    assert 0 < late["stopped"] < early["stopped"] < 1 < NO_RESULT_VIOLATION


def test_a_violation_of_memory_grows_with_the_excess_and_exceeds_that_of_being_stopped(
    make_space: Callable[..., Space], trial: MakeTrial
) -> None:
    space = make_space()

    def out_of_memory(predicted: float) -> dict[str, float]:
        tags = memory_tags({PREDICTED_MEMORY: predicted, DEVICE_MEMORY: DEVICE})
        return violations(space, trial(outcome=Outcome.OUT_OF_MEMORY, tags=tags))

    sums = [sum(v for v in out_of_memory(mib).values() if v > 0) for mib in (450, 550, 750, 2500)]
    assert sums == [1.0, 1.1, 1.5, 5.0]
    unknown = violations(space, trial(outcome=Outcome.OUT_OF_MEMORY))
    assert unknown == {"out_of_memory": NO_RESULT_VIOLATION}
    fits = Report(30.0, {PREDICTED_MEMORY: 125.0, DEVICE_MEMORY: DEVICE})
    known = violations(space, trial(outcome=Outcome.COMPLETED, reports=(fits,)))
    assert known[f"{PREDICTED_MEMORY}.max"] == -0.75


def test_the_excess_over_memory_is_unknown_without_both_numbers(trial: MakeTrial) -> None:
    both = {PREDICTED_MEMORY: 750.0, DEVICE_MEMORY: DEVICE}
    assert memory_excess(trial(tags=memory_tags(both))) == 0.5
    assert memory_excess(trial(reports=(Report(5.0, both),))) == 0.5
    for name in both:
        assert memory_excess(trial(tags=memory_tags({name: both[name]}))) is None


def test_a_running_trial_violates_only_known_bounds(
    make_space: Callable[..., Space], trial: MakeTrial, report: Callable[..., Report]
) -> None:
    assert violations(make_space(), trial()) == {}
    running = trial(reports=(report(5, 600, params_m=10.0),))
    assert violations(make_space(), running) == {"params_m.max": 1.0}


def test_objectives_are_those_of_the_last_report_in_the_spaces_order(
    make_space: Callable[..., Space], trial: MakeTrial, report: Callable[..., Report]
) -> None:
    completed = trial(reports=(report(5, 90, 2.0), report(30, 25, 3.0)), outcome=Outcome.COMPLETED)
    assert objective_values(make_space(), completed) == [25, 3.0]
    with pytest.raises(KeyError):
        objective_values(make_space(), trial())


def test_the_full_budget_is_reached_up_to_rounding(make_space: Callable[..., Space]) -> None:
    space = make_space()
    assert [is_full(space, kimg) for kimg in (29.999, 30 - 1e-9, 30.0)] == [False, True, True]


def test_optuna_reads_the_constraint_attributes() -> None:
    attributes = constraint_attributes({"params_m.max": -0.5, "stopped": 0.25})
    read = create_trial(state=TrialState.PRUNED, system_attrs=attributes)
    assert read.constraints == {"params_m.max": -0.5, "stopped": 0.25}
