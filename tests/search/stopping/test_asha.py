import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.record import Report, TrialRecord
from gansearch.search.stopping.asha import Asha, Rungs
from gansearch.space import Space

values = st.floats(0, 100, allow_nan=False)


def test_trials_below_the_best_third_are_stopped() -> None:
    rungs = Rungs((5, 10), 3)
    answers = [rungs.report(number, 5, value) for number, value in enumerate([9, 8, 7, 10, 6, 5.5])]
    # From the third arrival on one in three goes on; of six the best two do.
    assert answers == [True, True, True, False, True, True]


def test_no_trial_is_stopped_before_the_cohort_is_complete() -> None:
    rungs = Rungs((5,), 4)
    assert all(rungs.report(number, 5, value) for number, value in enumerate([1, 50, 99]))
    assert not rungs.report(3, 5, 98)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_direction_of_the_objective_decides(
    tiny_space: Callable[..., Space], direction: str
) -> None:
    objectives = [
        {"metric": "fd_digits", "direction": direction},
        {"metric": "seconds_per_kimg", "direction": "minimize"},
    ]
    search = {"sampler": "random", "stopping": "asha", "reduction_factor": 2}
    rule = Asha(tiny_space(objectives=objectives, search=search))
    reasons = []
    for number, value in enumerate([0.5, 0.4, 0.9]):
        reports = (Report(2.0, {"fd_digits": value}),)
        reasons.append(rule.reason_to_stop(TrialRecord(number, {}, 0, reports)))
    stopped = {"minimize": [None, None, "0.9"], "maximize": [None, "0.4", None]}[direction]
    for reason, value in zip(reasons, stopped, strict=True):
        expected = f"fd_digits {value} at 2 kimg is not among the best 1/2"
        assert reason == (value and expected)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_refuses_values_that_compare_with_nothing(value: float) -> None:
    rungs = Rungs((5,), 2)
    with pytest.raises(ValueError, match="not a finite value"):
        rungs.report(0, 5, value)
    with pytest.raises(ValueError, match="not a finite value"):
        rungs.restore(0, 5, value, continues=True)


@pytest.mark.parametrize(("kimg", "factor"), [((5, 5), 3), ((10, 5), 3), ((0, 5), 3), ((5,), 1)])
def test_refuses_rungs_that_do_not_ascend_and_factors_that_do_not_reduce(
    kimg: tuple[float, ...], factor: int
) -> None:
    with pytest.raises(ValueError, match="should"):
        Rungs(kimg, factor)


def test_between_rungs_the_last_one_reached_counts() -> None:
    rungs = Rungs((5, 10), 2)
    assert rungs.report(0, 4.9, 99)  # below the first: not compared
    assert rungs.report(0, 5.03, 1)
    assert not rungs.report(1, 5 * (1 - 1e-12), 2)
    assert rungs.report(0, 7, 99)  # already passed


@given(st.lists(values, min_size=1, max_size=40), st.integers(2, 5))
def test_the_best_so_far_is_never_stopped_and_answers_stand(data: list[float], factor: int) -> None:
    rungs = Rungs((5,), factor)
    answers = []
    for number, value in enumerate(data):
        answers.append(rungs.report(number, 5, value))
        if value <= min(data[: number + 1]):
            assert answers[-1]
    assert [rungs.report(number, 5, 0.0) for number in range(len(data))] == answers


@given(
    st.lists(st.tuples(st.sampled_from((5.0, 10.0)), values), min_size=1, max_size=40),
    st.integers(2, 4),
    st.data(),
)
def test_restored_in_any_order_it_decides_as_if_never_interrupted(
    events: list[tuple[float, float]], factor: int, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(events)))
    whole = Rungs((5, 10), factor)
    past = [
        (number, kimg, value, whole.report(number, kimg, value))
        for number, (kimg, value) in enumerate(events[:cut])
    ]
    rebuilt = Rungs((5, 10), factor)
    for number, kimg, value, goes_on in data.draw(st.permutations(past)):
        rebuilt.restore(number, kimg, value, continues=goes_on)
    for number, kimg, value, goes_on in past:
        assert rebuilt.report(number, kimg, value) == goes_on
    for number, (kimg, value) in enumerate(events[cut:], start=cut):
        assert rebuilt.report(number, kimg, value) == whole.report(number, kimg, value)
