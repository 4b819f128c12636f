"""Pareto arithmetic against its definition, closed forms and pymoo."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pymoo.indicators.hv import HV
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from gansearch.pareto import (
    hypervolume,
    knee,
    near_front,
    non_dominated,
    ranks,
)

# A coarse grid makes ties and duplicates common.
grid = st.integers(-4, 4).map(float)
matrices = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=grid)
small = st.integers(1, 4).flatmap(
    lambda m: arrays(np.float64, st.tuples(st.integers(1, 8), st.just(m)), elements=grid)
)


def dominates(a: Any, b: Any) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and tuple(a) != tuple(b)


def counted_volume(points: Any, reference: Any) -> float:
    """Unit cells of the integer grid that some point dominates."""
    axes = [range(-4, int(c)) for c in reference]
    return float(
        sum(
            any(all(p <= c for p, c in zip(point, cell, strict=True)) for point in points)
            for cell in product(*axes)
        )
    )


@given(matrices)
def test_front_points_are_the_non_dominated_ones(points: Any) -> None:
    expected = [not any(dominates(other, point) for other in points) for point in points]
    assert non_dominated(points).tolist() == expected


@given(matrices)
def test_front_of_the_front_is_itself(points: Any) -> None:
    assert non_dominated(points[non_dominated(points)]).all()


@given(matrices, st.integers(0, 3), st.integers(0, 3))
def test_points_near_the_front_are_those_that_slack_puts_on_it(
    points: Any, less: int, more: int
) -> None:
    def alone(i: int, slack: int) -> bool:
        """By the definition: a point that is better by the slack, among the others as they are."""
        return bool(non_dominated([points[i] - slack, *np.delete(points, i, axis=0)])[0])

    near = near_front(points, less)
    assert near.tolist() == [alone(i, less) for i in range(len(points))]
    assert (near_front(points, 0) == non_dominated(points)).all()
    assert near[non_dominated(points)].all()
    assert near_front(points, less + more)[near].all()


@given(arrays(np.float64, st.tuples(st.just(3), st.integers(1, 4)), elements=grid))
def test_domination_is_a_strict_partial_order(points: Any) -> None:
    def beats(i: int, j: int) -> bool:
        return non_dominated(points[[i, j]]).tolist() == [True, False]

    for i, j, k in product(range(3), repeat=3):
        assert not (i == j and beats(i, j))
        assert not (beats(i, j) and beats(j, i))
        if beats(i, j) and beats(j, k):
            assert beats(i, k)


def test_every_duplicate_of_a_front_point_is_kept() -> None:
    assert non_dominated([[1, 2], [1, 2], [2, 1], [2, 2]]).tolist() == [True, True, True, False]


def test_infinities_are_ordered() -> None:
    assert non_dominated([[1, np.inf], [0, 1], [-np.inf, 2]]).tolist() == [False, True, True]


@given(matrices)
def test_rank_is_one_more_than_that_of_the_best_dominating_rank(points: Any) -> None:
    found = ranks(points)
    for i, point in enumerate(points):
        above = [found[j] for j, other in enumerate(points) if dominates(other, point)]
        assert found[i] == max(above, default=-1) + 1


@given(matrices)
def test_ranks_and_front_equal_pymoo(points: Any) -> None:
    fronts = NonDominatedSorting().do(points)
    assert [np.flatnonzero(ranks(points) == i).tolist() for i in range(len(fronts))] == [
        sorted(front) for front in fronts
    ]
    assert np.flatnonzero(non_dominated(points)).tolist() == sorted(fronts[0])


@pytest.mark.parametrize("function", [non_dominated, ranks, lambda p: hypervolume(p, [9, 9]), knee])
@pytest.mark.parametrize("points", [[[1.0, np.nan]], [1.0, 2.0], np.zeros((3, 0))])
def test_invalid_points_are_refused(function: Any, points: Any) -> None:
    with pytest.raises(ValueError, match=r"NaN|shape|finite"):
        function(points)


@pytest.mark.parametrize("function", [non_dominated, ranks])
def test_no_points_have_no_front(function: Any) -> None:
    assert function(np.zeros((0, 2))).tolist() == []


# --- Hypervolume -----------------------------------------------------------------------------


@given(small)
def test_volume_counts_the_dominated_cells(points: Any) -> None:
    reference = np.full(points.shape[1], 3.0)
    assert hypervolume(points, reference) == pytest.approx(counted_volume(points, reference))


@given(small, st.integers(-3, 5))
def test_volume_equals_pymoo(points: Any, size: int) -> None:
    reference = np.full(points.shape[1], float(size))
    expected = HV(ref_point=reference)(points)
    assert hypervolume(points, reference) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("objectives", [1, 2, 3, 4, 5, 6])
def test_volume_of_many_equals_pymoo(objectives: int) -> None:
    generator = np.random.default_rng(objectives)
    points = generator.uniform(0, 1.2, (40, objectives))
    reference = np.ones(objectives)
    assert hypervolume(points, reference) == pytest.approx(
        HV(ref_point=reference)(points), rel=1e-12
    )


@pytest.mark.parametrize(
    ("points", "reference", "volume"),
    [
        ([[0.25, 0.5]], [1, 1], 0.375),
        ([[0, 0.5], [0.5, 0]], [1, 1], 0.75),
        ([[0, 0, 0.5], [0.5, 0, 0], [0, 0.5, 0]], [1, 1, 1], 0.875),
        ([[1, 0], [0, 1], [2, 2]], [1, 1], 0.0),
        ([[np.inf, 0], [0.5, 0.5]], [1, 1], 0.25),
        (np.zeros((0, 3)), [1, 1, 1], 0.0),
    ],
)
def test_volume_of_boxes(points: Any, reference: Any, volume: float) -> None:
    assert hypervolume(points, reference) == pytest.approx(volume)


def test_volume_under_a_circle_tends_to_its_area() -> None:
    angle = np.linspace(0, np.pi / 2, 4000)
    points = np.stack([1 - np.cos(angle), 1 - np.sin(angle)], axis=1)
    assert hypervolume(points, [1, 1]) == pytest.approx(np.pi / 4, abs=1e-3)


@given(small, st.randoms(use_true_random=False))
def test_volume_does_not_depend_on_order_or_dominated_points(points: Any, random: Any) -> None:
    reference = np.full(points.shape[1], 5.0)
    rows = random.sample(range(len(points)), len(points))
    columns = random.sample(range(points.shape[1]), points.shape[1])
    whole = hypervolume(points, reference)
    assert hypervolume(points[rows][:, columns], reference) == pytest.approx(whole)
    assert hypervolume(points[non_dominated(points)], reference) == pytest.approx(whole)


@given(small)
def test_volume_grows_with_points_and_with_the_reference_point(points: Any) -> None:
    reference = np.full(points.shape[1], 3.0)
    whole = hypervolume(points, reference)
    assert whole >= hypervolume(points[1:], reference) - 1e-9
    assert hypervolume(points, reference + 1) >= whole


@pytest.mark.parametrize("reference", [[1.0], [1.0, np.inf], [1.0, np.nan], [[1.0, 1.0]]])
def test_an_invalid_reference_point_is_refused(reference: Any) -> None:
    with pytest.raises(ValueError, match="finite"):
        hypervolume([[0.0, 0.0]], reference)


def test_a_point_at_minus_infinity_is_refused() -> None:
    with pytest.raises(ValueError, match="minus infinity"):
        hypervolume([[-np.inf, 0.0]], [1.0, 1.0])


# --- Knee ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("points", "index"),
    [
        ([[0, 10], [1, 1], [10, 0]], 1),
        ([[0, 10], [4, 4], [1, 5], [10, 0]], 2),
        ([[3, 7]], 0),
        ([[0, 1], [1, 0]], 0),
        ([[2, 2], [2, 2]], 0),
        ([[0, 1], [0.5, 0.5], [1, 0]], 1),
        ([[0, 5, 1], [1, 5, 0], [0.2, 5, 0.2]], 2),
        ([[9, 9], [0, 10], [1, 1], [10, 0]], 2),
    ],
    ids=["bend", "deeper", "alone", "two", "twins", "line", "constant", "dominated"],
)
def test_knee_has_the_best_compromise(points: Any, index: int) -> None:
    assert knee(points) == index


def test_knee_of_a_hyperbola_is_where_its_slope_is_minus_one() -> None:
    x = np.geomspace(0.1, 10, 401)
    points = np.stack([x, 1 / x], axis=1)
    assert points[knee(points)] == pytest.approx([1, 1])


def test_concave_front_has_its_knee_at_an_extreme() -> None:
    angle = np.linspace(0, np.pi / 2, 21)
    assert knee(np.stack([np.sin(angle), np.cos(angle)], axis=1)) in (0, 20)


@given(small, st.lists(st.integers(-20, 20), min_size=4, max_size=4))
def test_knee_does_not_depend_on_units(points: Any, exponents: list[int]) -> None:
    scales = 2.0 ** np.array(exponents[: points.shape[1]])
    assert knee(points * scales) == knee(points)
    assert non_dominated(points)[knee(points)]


@pytest.mark.parametrize("points", [np.zeros((0, 2)), [[1.0, np.inf]]])
def test_a_knee_needs_finite_points(points: Any) -> None:
    with pytest.raises(ValueError, match="knee"):
        knee(points)
