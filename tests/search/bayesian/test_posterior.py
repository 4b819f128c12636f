"""What is believed of trials at a moment."""

import numpy as np
import pytest

from gansearch.pareto import non_dominated
from gansearch.record import Outcome
from gansearch.search.bayesian.posterior import View
from gansearch.search.bayesian.surrogate import Known, Value, fit_settings

RUNGS = 3
GROUP = np.array([0, 1])


@pytest.fixture(scope="module")
def view() -> View:
    """Of 60 trials: the first 20 came to the end, then as many to each rung before or to none."""
    random = np.random.default_rng(0)
    points = dict(enumerate(random.random((60, 2))))
    values = [
        Value(
            number, rung, (float(x + 1 / (1 + rung)),), (1.0, round(4 * float(y)) / 4), (0.0, 0.0)
        )
        for number, (x, y) in points.items()
        for rung in range(RUNGS - number // 20)
        if number < 50
    ]
    ends = dict.fromkeys(range(20), Outcome.COMPLETED)
    known = Known(points, values, dict.fromkeys(ends, -1.0), {n: str(n) for n in points})
    return View(fit_settings(GROUP, known, RUNGS), known, ends, np.array([np.inf, np.inf]))


@pytest.mark.parametrize("rung", [-1, 0, 1, 2])
def test_the_front_without_a_trial_is_that_of_the_others_who_came_as_far(
    view: View, rung: int
) -> None:
    came = {number: RUNGS - 1 - number // 20 if number < 50 else -1 for number in view.numbers}
    for number in view.numbers:
        others = [came[other] >= rung and other != number for other in view.numbers]
        expected = view.points[others][non_dominated(view.points[others])]
        found = view.front_without(number, rung)
        found = view.front_at(rung) if found is None else found
        np.testing.assert_array_equal(np.sort(found, axis=0), np.sort(expected, axis=0))


def test_who_came_less_far_beats_nobody(view: View) -> None:
    """A trial that is the worst there is, at a rung: the best of those behind do not count."""
    number = next(n for n in view.numbers if 20 <= n < 40)
    worst = view.of_trial(Value(number, 1, (50.0,), (1.0, 2.0), (0.0, 0.0)))
    rival, _ = view.beaten_by(number, 1, worst) or (-1, 0.0)
    assert 0 <= rival < 40
    ahead, _ = view.beaten_by(number, 2, worst) or (-1, 0.0)
    assert 0 <= ahead < 20


def test_what_is_like_a_trial_that_runs_is_in_less_doubt(view: View) -> None:
    points = np.random.default_rng(0).random((60, 2))  # of the view's trials: 20 on still run
    (doubt,) = view.doubts(points)
    found, free = doubt.deviation, view.of(points).deviations[:, 0]
    assert (found <= free * (1 + 1e-9)).all()
    assert np.median(found[50:] / free[50:]) < 0.8  # of which nothing is known yet


def a_view(costs: dict[int, float], errors: float = 0.0) -> View:
    """Of 16 trials on a line, the quality of each its place; the last four are at the first rung.

    Args:
        costs: of some trials; of the others 5.
        errors: standard errors of the costs.
    """
    points = {number: np.array([number / 16]) for number in range(16)}
    values = [
        Value(n, r, (n / 16 + 1 - r,), (1.0, costs.get(n, 5.0)), (0.0, errors))
        for n in points
        for r in range(2 if n < 12 else 1)
    ]
    ends = dict.fromkeys(range(12), Outcome.COMPLETED)
    known = Known(points, values, dict.fromkeys(ends, -1.0), {n: str(n) for n in points})
    settings = fit_settings(np.array([0]), known, 2)
    return View(settings, known, ends, np.array([np.inf, np.inf]))


@pytest.mark.parametrize("cost", [5.0, -5.0])
def test_an_equal_cost_is_no_higher_whatever_its_sign(cost: float) -> None:
    """A negative one is that of an objective of which more is better."""
    view = a_view({0: cost * (1 + 1e-9), 15: cost, **dict.fromkeys(range(1, 15), 50.0)})
    own = view.of_trial(Value(15, 0, (15 / 16 + 1,), (1.0, cost), (0.0, 0.0)))
    rival, better = view.beaten_by(15, 0, own) or (-1, 0.0)
    assert rival == 0
    assert better > 0.9


def test_a_cost_that_is_higher_within_its_noise_is_no_higher_one() -> None:
    costs = {0: 5.03, 15: 5.0, **dict.fromkeys(range(1, 15), 50.0)}
    for errors, expected in ((0.0, None), (0.01, None), (0.03, 0)):
        view = a_view(costs, errors)
        own = view.of_trial(Value(15, 0, (15 / 16 + 1,), (1.0, 5.0), (0.0, errors)))
        found = view.beaten_by(15, 0, own)
        assert (found and found[0]) == expected
