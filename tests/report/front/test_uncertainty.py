"""Domination within noise, and the probability of being on a front, against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.special import ndtr, ndtri

from gansearch.pareto import non_dominated
from gansearch.report.front.uncertainty import (
    CONFIDENCE,
    NORMAL_QUANTILE,
    dominated_within_noise,
    front_probability,
)

# A coarse grid makes ties and duplicates common.
grid = st.integers(-4, 4).map(float)
matrices = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=grid)


@given(matrices)
def test_without_errors_the_front_is_certain(points: Any) -> None:
    on = non_dominated(points)
    assert (dominated_within_noise(points, 0) == ~on).all()
    assert (front_probability(points, 0) == on).all()


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_probability_of_two_points_is_its_closed_form(objectives: int) -> None:
    """1 - Πₘ Φ(dₘ / √(s₁² + s₂²)), by which the other is ahead in objective m."""
    random = np.random.default_rng(objectives)
    for _ in range(10):
        points, errors = (
            random.normal(size=(2, objectives)),
            random.uniform(0.1, 1, (2, objectives)),
        )
        ahead = (points[0] - points[1]) / np.hypot(*errors)
        expected = 1 - ndtr(ahead).prod(), 1 - ndtr(-ahead).prod()
        assert front_probability(points, errors) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_equal_points_with_one_objective_are_the_best_with_equal_probability(count: int) -> None:
    points = np.full((count, 1), 3.0)
    assert front_probability(points, 0.5) == pytest.approx(1 / count, abs=1e-3)


def test_probability_is_the_share_of_simulated_fronts() -> None:
    random = np.random.default_rng(0)
    points, errors = random.uniform(size=(8, 3)), random.uniform(0, 0.3, (8, 3))
    errors[:, 2] = 0  # exact
    drawn = points + errors * random.normal(size=(20_000, 8, 3))
    expected = np.mean([non_dominated(each) for each in drawn], axis=0)
    assert front_probability(points, errors) == pytest.approx(expected, abs=0.02)


def test_probability_is_the_same_in_every_unit_and_call() -> None:
    random = np.random.default_rng(1)
    points, errors = random.uniform(size=(30, 2)), random.uniform(0.05, 0.1, (30, 2))
    found = front_probability(points, errors)
    assert (front_probability(points, errors) == found).all()
    unit = np.array([1e3, 1e-3])
    assert front_probability(points * unit, errors * unit) == pytest.approx(found, abs=1e-9)
    assert ((found >= 0) & (found <= 1)).all()


def test_duplicates_that_are_exact_do_not_dominate_each_other() -> None:
    assert front_probability([[1, 2], [1, 2], [2, 2]], 0).tolist() == [1, 1, 0]
    assert front_probability([[1, 2], [1, 2]], [0.1, 0]) == pytest.approx([0.5, 0.5], abs=1e-3)


def test_a_difference_within_the_noise_is_a_tie() -> None:
    # The second is worse in two objectives and better in the third by less than the noise.
    points, errors = [[9.7, 0.389, 1.7], [16.9, 0.378, 3.4]], [[0.2, 0.012, 0.1]] * 2
    assert non_dominated(points).all()
    assert dominated_within_noise(points, errors).tolist() == [False, True]
    assert front_probability(points, errors) == pytest.approx(
        [1.0, ndtr(0.011 / 0.01697)], abs=0.01
    )
    # Where it is better by more than the noise, it is on the front for its time.
    assert not dominated_within_noise([points[0], [16.9, 0.35, 3.4]], errors).any()
    # Where they differ by noise alone, neither dominates.
    assert not dominated_within_noise([points[0], [9.8, 0.378, 1.75]], errors).any()


@given(st.floats(0, 10), st.floats(0.01, 1), st.floats(0.01, 1))
def test_significance_is_that_of_the_difference(gap: float, one: float, other: float) -> None:
    found = dominated_within_noise([[0.0], [gap]], [[one], [other]])
    assert found.tolist() == [False, bool(gap > NORMAL_QUANTILE * np.hypot(one, other))]


@pytest.mark.parametrize("function", [dominated_within_noise, front_probability])
@pytest.mark.parametrize("error", [-1.0, np.nan])
def test_a_negative_error_is_refused(function: Any, error: float) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        function([[1.0, 2.0]], error)


def test_the_quantile_is_that_of_the_confidence_level() -> None:
    assert float(ndtri((1 + CONFIDENCE) / 2)) == NORMAL_QUANTILE
