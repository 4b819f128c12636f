"""Surrogates of qualities, costs and the constraint violation, and their scales."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.search.bayesian.observations import Observation, Snapshot
from gansearch.search.bayesian.surrogate import (
    MAX_LAST_SHARE,
    Scale,
    Surrogates,
    _latest_qualities,
    _most_informative,
    fit_hyperparameters,
)

GROUP = np.array([0, 1])


def snapshot_of(count: int, violations: dict[int, float] | None = None) -> Snapshot:
    """Return observations of trials at three rungs, whose quality is the first coordinate.

    Their seconds per kimg are 10 times the second one, plus 1; another cost is its negative.
    """
    inputs = dict(enumerate(np.random.default_rng(0).random((count, 2))))
    reports = [
        Observation(
            number, rung, (float(x) + 2 - rung,), (1 + 10 * float(y), -float(y)), (0.0, 0.0)
        )
        for number, (x, y) in inputs.items()
        for rung in range(3)
    ]
    return Snapshot(inputs, reports, violations or {}, {n: str(n) for n in inputs})


@given(st.lists(st.floats(0.1, 1e4), min_size=3, max_size=20), st.booleans())
def test_the_scale_of_costs_is_invertible(values: list[float], is_negative: bool) -> None:
    costs = np.array(values) * (-1 if is_negative else 1)
    scale = Scale.of_cost(costs)
    assert scale.is_logarithmic == (not is_negative)
    np.testing.assert_allclose(scale.inverse(scale(costs)), costs, rtol=1e-6)


def test_errors_of_costs_are_scaled_like_small_differences() -> None:
    for sign in (1, -1):
        costs = sign * np.array([1.0, 3.0, 10.0])
        scale = Scale.of_cost(costs)
        expected = np.abs(scale(costs + 1e-5) - scale(costs))
        found = np.abs(scale.errors(costs, np.full(3, 1e-5)))
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_scale_of_qualities_keeps_the_order_and_compresses_bad_values_most() -> None:
    qualities = np.linspace(0, 100, 101)
    scale = Scale.of_quality(qualities)
    assert scale.centre == 50
    assert scale.unit == pytest.approx(40)  # from the median to the best tenth
    assert (np.diff(scale(qualities)) > 0).all()
    good, bad = scale(scale.centre + 10 * scale.unit * np.array([-1.0, 1.0]))
    assert -10 < good < -bad < -1


def test_a_constant_value_has_a_scale() -> None:
    constant = np.full(5, 3.0)
    assert Scale.of_quality(constant)(constant).tolist() == [0.0] * 5
    assert Scale.of_cost(constant)(constant).tolist() == pytest.approx([0.0] * 5)


def test_the_scale_of_a_quality_is_that_of_the_latest_rung_with_enough_trials() -> None:
    def reports(last_rungs: list[int]) -> list[Observation]:
        return [
            Observation(number, rung, (10.0 * rung + number,), (1.0,), (0.0,))
            for number, last in enumerate(last_rungs)
            for rung in range(last + 1)
        ]

    def latest(last_rungs: list[int]) -> float:
        observed = reports(last_rungs)
        last = list({report.number: report for report in observed}.values())
        return float(_latest_qualities(observed, last).min()) // 10

    assert latest([2] * 8 + [0] * 8) == 2
    assert latest([2] * 7 + [0] * 9) == 0  # seven trials are too few
    assert latest([2] * 8 + [1] * 4 + [0] * 36) == 1  # eight are less than a quarter of 48


def test_few_reports_are_all_used_and_many_are_the_last_and_the_newest_ones() -> None:
    snapshot = snapshot_of(40)
    assert _most_informative(snapshot, 120) == snapshot.reports
    chosen = _most_informative(snapshot, 60)
    assert len(chosen) == len({(report.number, report.rung) for report in chosen}) == 60
    is_last = [report.rung == 2 for report in chosen]
    assert sum(is_last) == int(MAX_LAST_SHARE * 60)
    assert _most_informative(snapshot, 60) == chosen
    for rungs in ({2}, {0, 1}):  # of each kind, the newest are in
        newest = max(report.number for report in chosen if report.rung in rungs)
        assert newest == 39


def test_surrogates_predict_what_they_were_given() -> None:
    snapshot = snapshot_of(30, {0: -1.0, 1: -0.5})
    surrogates = Surrogates(fit_hyperparameters(GROUP, snapshot, 3), snapshot)
    inputs = np.array([*snapshot.inputs.values()])
    final = surrogates.scale(inputs[:, :1])[:, 0]
    mean, deviation = surrogates.qualities[0].predict(inputs)
    np.testing.assert_allclose(mean, final, atol=0.1)
    assert (deviation < 0.2).all()
    costs = surrogates.costs(inputs)
    np.testing.assert_allclose(costs[:, 0], 1 + 10 * inputs[:, 1], rtol=0.05)
    np.testing.assert_allclose(costs[:, 1], -inputs[:, 1], atol=0.05)


def test_without_a_positive_violation_all_are_feasible() -> None:
    snapshot = snapshot_of(10, dict.fromkeys(range(10), -0.2))
    surrogates = Surrogates(fit_hyperparameters(GROUP, snapshot, 3), snapshot)
    mean, deviation = surrogates.violations(np.random.default_rng(1).random((4, 2)))
    assert mean.tolist() == [-1.0] * 4
    assert deviation.tolist() == [0.0] * 4


def test_violations_are_predicted_where_they_were_observed() -> None:
    snapshot = snapshot_of(40)
    violations = {n: 1.0 if x > 0.6 else -1.0 for n, (x, _) in snapshot.inputs.items()}
    snapshot = snapshot_of(40, violations)
    surrogates = Surrogates(fit_hyperparameters(GROUP, snapshot, 3), snapshot)
    mean, _ = surrogates.violations(np.array([[0.1, 0.5], [0.95, 0.5]]))
    assert mean[0] < 0 < mean[1]
