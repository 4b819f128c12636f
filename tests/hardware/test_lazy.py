"""Relative times of lazy penalties."""

from __future__ import annotations

import pytest

from gansearch.hardware.lazy import KEPT, LazyComputation, LazyShares, TimingConditions

WARM_UP, SHARED, EXCLUSIVE = TimingConditions


def computations(*seconds: float, every: float = 4) -> list[LazyComputation]:
    return [LazyComputation("d/r1", every, each) for each in seconds]


def test_a_penalty_adds_its_time_over_its_interval() -> None:
    shares = LazyShares()
    shares.add(computations(8.0), plain=2.0, conditions=EXCLUSIVE)
    shares.add([LazyComputation("g/path", 0.5, 1.0)], plain=2.0, conditions=EXCLUSIVE)
    assert shares.total == pytest.approx(8 / 2 / 4 + 1 / 2 / 0.5)


def test_only_computations_under_the_best_conditions_count() -> None:
    shares = LazyShares()
    for conditions, seconds in ((WARM_UP, 100.0), (SHARED, 10.0), (EXCLUSIVE, 1.0), (SHARED, 50.0)):
        shares.add(computations(seconds, every=1), plain=1.0, conditions=conditions)
    assert shares.total == 1


@pytest.mark.parametrize(("conditions", "expected"), [(SHARED, 4.0), (EXCLUSIVE, 2.0)])
def test_exclusive_times_have_a_median_and_others_a_mean(conditions, expected) -> None:
    shares = LazyShares()
    shares.add(computations(1.0, 2.0, 9.0, every=1), plain=1.0, conditions=conditions)
    assert shares.total == expected


def test_the_latest_computations_count() -> None:
    shares = LazyShares()
    shares.add(computations(*[9.0] * KEPT, *[1.0] * KEPT, every=1), 1.0, SHARED)
    assert shares.total == 1


def test_a_stage_uses_earlier_times_until_it_has_its_own() -> None:
    shares = LazyShares()
    shares.add(computations(4.0, every=1), 1.0, EXCLUSIVE)
    shares.begin_stage()
    assert shares.total == 4
    shares.add(computations(2.0, every=1), 1.0, SHARED)
    assert shares.total == 2


def test_the_state_dict_restores_the_times() -> None:
    shares, other = LazyShares(), LazyShares()
    shares.add(computations(4.0, 5.0), 1.0, SHARED)
    other.load_state_dict(shares.state_dict())
    for each in (shares, other):
        each.add(computations(1.0), 1.0, SHARED)
    assert other.state_dict() == shares.state_dict()
    assert other.total == shares.total
