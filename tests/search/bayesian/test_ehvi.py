"""Expected hypervolume improvement of a front."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gansearch.pareto import hypervolume
from gansearch.search.bayesian import ehvi
from gansearch.search.bayesian.ehvi import BoxDecomposition


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
@pytest.mark.parametrize("uncertain", [1, 2, 4])
def test_it_is_the_mean_improvement_of_random_draws(objectives: int, uncertain: int) -> None:
    random = np.random.default_rng(objectives)
    front, reference_point = random.random((6, objectives)), np.full(objectives, 1.1)
    means, deviations = random.random((4, objectives)), 0.05 + 0.3 * random.random((4, objectives))
    deviations[:, uncertain:] = 0.0
    found = BoxDecomposition(front, reference_point).ehvi(means, deviations)
    before = hypervolume(front, reference_point)
    for i in range(4):
        drawn = means[i] + deviations[i] * random.standard_normal((1000, objectives))
        gains = [hypervolume([*front, y], reference_point) - before for y in drawn]
        assert found[i] == pytest.approx(np.mean(gains), abs=4 * np.std(gains) / 1000**0.5 + 1e-4)


def test_rounding_a_large_front_leaves_no_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    points = np.abs(random.standard_normal((300, 3)))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    front, tried = points[:200], points[200:]
    tried[:, 0] *= random.uniform(0.9, 1.1, 100)
    predictions = tried, np.full((100, 3), [0.02, 0.0, 0.0])
    rounded = BoxDecomposition(front, np.full(3, 1.1)).ehvi(*predictions)
    monkeypatch.setattr(ehvi, "MAX_BOXES", 10**6)
    exact = BoxDecomposition(front, np.full(3, 1.1)).ehvi(*predictions)
    assert np.corrcoef(rounded, exact)[0, 1] > 0.9
    assert rounded.mean() == pytest.approx(exact.mean(), rel=0.2)


def test_with_many_objectives_two_values_of_each_are_kept() -> None:
    front = np.random.default_rng(0).random((20, 12))
    means, deviations = np.zeros((2, 12)), np.zeros((2, 12))
    means[:, 0], deviations[:, 0] = [-0.5, 2.0], 0.1
    boxes = BoxDecomposition(front, np.full(12, 1.1))
    better, worse = boxes.ehvi(means, deviations)
    assert better == pytest.approx(1.6 * 1.1**11, rel=0.2)  # nearly the whole volume
    assert worse == pytest.approx(0, abs=1e-9)


@settings(max_examples=50)
@given(seed=st.integers(0, 10_000), size=st.integers(0, 5), objectives=st.integers(1, 3))
def test_without_uncertainty_it_is_the_exact_improvement(
    seed: int, size: int, objectives: int
) -> None:
    random = np.random.default_rng(seed)
    front = random.integers(0, 5, (size, objectives)).astype(float)
    point, reference_point = (
        random.integers(0, 5, objectives).astype(float),
        np.full(objectives, 4.0),
    )
    boxes = BoxDecomposition(front, reference_point)
    (found,) = boxes.ehvi(point[None], np.full((1, objectives), 1e-9))
    improvement = hypervolume([*front, point], reference_point) - hypervolume(
        front, reference_point
    )
    assert found == pytest.approx(improvement, abs=1e-6)
