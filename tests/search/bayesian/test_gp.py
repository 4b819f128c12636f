"""Gaussian processes over configurations and rungs."""

from itertools import chain, product

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from gansearch.search.bayesian.gp import Doubt, Gaussian
from gansearch.search.bayesian.kernel import OFFSET, Kernel, _cost, _linear, _shared, fit

RANDOM = np.random.default_rng(0)
GROUP = np.array([0, 1, 2])


def kernel_of(lengths: float, a: float, s: float, rungs: list[list[float]]) -> Kernel:
    """With what shows, how far it is, by similar ones and by itself, and the noise by rungs."""
    return Kernel(GROUP, np.log([*[lengths] * 6, a, s, *chain.from_iterable(rungs)]))


def test_without_rungs_or_trend_it_is_a_matern_process() -> None:
    x, new = RANDOM.random((12, 3)), RANDOM.random((5, 3))
    y = np.sin(4 * x).sum(axis=1)
    kernel = kernel_of(0.7, 2.0, 1e-12, [[], [], [], [0.01]])
    mean, deviation = Gaussian(kernel, x, np.zeros(12, dtype=np.int64), y).predict(new)
    known = ConstantKernel(2.0) * Matern(0.7, nu=2.5) + ConstantKernel(OFFSET)
    reference = GaussianProcessRegressor(known, alpha=0.01 + 1e-8, optimizer=None).fit(x, y)
    expected = reference.predict(new, return_std=True)
    np.testing.assert_allclose(mean, expected[0], rtol=1e-6)
    np.testing.assert_allclose(deviation, expected[1], rtol=1e-5)


def test_one_value_more_is_as_if_it_had_been_given() -> None:
    x, r, y = RANDOM.random((10, 3)), RANDOM.integers(0, 3, 10), RANDOM.standard_normal(10)
    kernel = kernel_of(0.5, 1.0, 0.3, [[0.3, 0.8], [1.5, 0.4], [0.5, 0.2], [0.2, 0.1, 0.05]])
    points = RANDOM.random((4, 3))
    further = Gaussian(kernel, x, r, y).further(points)
    for rung, place in product(range(2), range(4)):
        point = points[place]
        whole = Gaussian(kernel, np.vstack([x, point]), np.append(r, rung), np.append(y, 0.8))
        updated = further[rung].given(place, 0.8)
        np.testing.assert_allclose(updated, np.ravel(whole.predict(point[None])), rtol=1e-5)


def test_the_gradient_of_the_likelihood() -> None:
    x, r, y = RANDOM.random((20, 3)), RANDOM.integers(0, 4, 20), RANDOM.standard_normal(20)
    x[10:], errors = x[:10], RANDOM.random(20)  # each at two rungs
    squares, linear = ((x[:, None] - x) ** 2).transpose(2, 0, 1), _linear(x, x)
    fixed = _shared(r, r, 4) + np.diag(errors**2)

    def value(theta: np.ndarray) -> float:
        return _cost(theta, squares, linear, r, y, fixed)[0]

    def gradient(theta: np.ndarray) -> np.ndarray:
        return _cost(theta, squares, linear, r, y, fixed)[1]

    theta = 0.3 * RANDOM.standard_normal(21)
    assert check_grad(value, gradient, theta) < 1e-5 * np.linalg.norm(gradient(theta))


@pytest.mark.parametrize(("shown", "misled"), [(1.0, 0.0), (1.0, 2.0), (0.1, 0.0)])
def test_the_end_is_learnt_from_the_way(shown: float, misled: float) -> None:
    """Ends are a function of the first parameter, little of which may show at the first rung; the
    way there may depend on the second as well.
    """
    random = np.random.default_rng(1)
    x = random.random((90, 3))
    r = np.repeat([0, 1, 2], 30)
    left = np.array([1.0, 0.5, 0.0])[r]
    y = np.where(r == 0, shown, 1) * np.sin(5 * x[:, 0]) + left * (3 + misled * x[:, 1])
    kernel = fit(GROUP, x, r, y, rungs=3)
    new = random.random((200, 3))
    mean, deviation = Gaussian(kernel, x, r, y).predict(new)
    errors = mean - np.sin(5 * new[:, 0])
    assert np.sqrt((errors**2).mean()) < 0.1
    assert (np.abs(errors) < 3 * deviation + 0.02).mean() > 0.95
    np.testing.assert_array_equal(fit(GROUP, x, r, y, rungs=3).theta, kernel.theta)


def test_ends_that_are_awaited_leave_less_in_doubt_and_move_no_mean() -> None:
    x, r, y = RANDOM.random((10, 3)), RANDOM.integers(0, 3, 10), RANDOM.standard_normal(10)
    kernel = kernel_of(0.5, 1.0, 0.3, [[0.3, 0.8], [1.5, 0.4], [0.5, 0.2], [0.2, 0.1, 0.05]])
    awaited, new = RANDOM.random((4, 3)), RANDOM.random((50, 3))
    process = Gaussian(kernel, x, r, y)
    mean, _ = process.awaiting(awaited[:3]).predict(new)
    np.testing.assert_allclose(mean, process.predict(new)[0], atol=1e-9)
    for count in (3, 4):  # whatever the ends will be
        rungs, values = np.append(r, [2] * count), np.append(y, RANDOM.standard_normal(count))
        told = Gaussian(kernel, np.vstack([x, awaited[:count]]), rungs, values)
        doubt = Doubt(process.awaiting(awaited[:3]), new)
        for end in awaited[3:count]:
            doubt.await_end(end)
        np.testing.assert_allclose(doubt.deviation, told.predict(new)[1], rtol=1e-6)
