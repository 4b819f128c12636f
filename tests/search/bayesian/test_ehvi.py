"""Expected growth of a front's hypervolume."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gansearch.pareto import hypervolume
from gansearch.search.bayesian import ehvi as improvement
from gansearch.search.bayesian.ehvi import Cells


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
@pytest.mark.parametrize("uncertain", [1, 2, 4])
def test_it_is_the_mean_of_what_is_gained(objectives: int, uncertain: int) -> None:
    random = np.random.default_rng(objectives)
    front, corner = random.random((6, objectives)), np.full(objectives, 1.1)
    means, deviations = random.random((4, objectives)), 0.05 + 0.3 * random.random((4, objectives))
    deviations[:, uncertain:] = 0.0
    found = Cells(front, corner).improvement(means, deviations)
    before = hypervolume(front, corner)
    for i in range(4):
        drawn = means[i] + deviations[i] * random.standard_normal((1000, objectives))
        gains = [hypervolume([*front, y], corner) - before for y in drawn]
        assert found[i] == pytest.approx(np.mean(gains), abs=4 * np.std(gains) / 1000**0.5 + 1e-4)


def test_a_front_of_many_points_has_no_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    points = np.abs(random.standard_normal((300, 3)))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    front, tried = points[:200], points[200:]
    tried[:, 0] *= random.uniform(0.9, 1.1, 100)
    beliefs = tried, np.full((100, 3), [0.02, 0.0, 0.0])
    rounded = Cells(front, np.full(3, 1.1)).improvement(*beliefs)
    monkeypatch.setattr(improvement, "MAX_CELLS", 10**6)
    exact = Cells(front, np.full(3, 1.1)).improvement(*beliefs)
    assert np.corrcoef(rounded, exact)[0, 1] > 0.9
    assert rounded.mean() == pytest.approx(exact.mean(), rel=0.2)


def test_many_objectives_leave_two_values_of_each() -> None:
    front = np.random.default_rng(0).random((20, 12))
    means, deviations = np.zeros((2, 12)), np.zeros((2, 12))
    means[:, 0], deviations[:, 0] = [-0.5, 2.0], 0.1
    cells = Cells(front, np.full(12, 1.1))
    better, worse = cells.improvement(means, deviations)
    assert better == pytest.approx(1.6 * 1.1**11, rel=0.2)  # nearly all that there is
    assert worse == pytest.approx(0, abs=1e-9)


@settings(max_examples=50)
@given(seed=st.integers(0, 10_000), size=st.integers(0, 5), objectives=st.integers(1, 3))
def test_without_doubt_it_is_what_is_gained(seed: int, size: int, objectives: int) -> None:
    random = np.random.default_rng(seed)
    front = random.integers(0, 5, (size, objectives)).astype(float)
    point, corner = random.integers(0, 5, objectives).astype(float), np.full(objectives, 4.0)
    cells = Cells(front, corner)
    (found,) = cells.improvement(point[None], np.full((1, objectives), 1e-9))
    gained = hypervolume([*front, point], corner) - hypervolume(front, corner)
    assert found == pytest.approx(gained, abs=1e-6)
