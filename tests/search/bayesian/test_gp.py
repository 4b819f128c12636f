"""Posteriors of Gaussian processes over configurations and rungs."""

from itertools import chain, product

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from gansearch.search.bayesian.gp import GaussianProcess, PendingDeviations
from gansearch.search.bayesian.kernel import CURVE_VARIANCE, Kernel

RANDOM = np.random.default_rng(0)
BY_RUNG = [[0.3, 0.8], [1.5, 0.4], [0.5, 0.2], [0.2, 0.1, 0.05]]


def kernel_of(lengths: float, final: float, slope: float, by_rung: list[list[float]]) -> Kernel:
    """Return a kernel of three parameters.

    Args:
        lengths: every length scale.
        final: variance of final values.
        slope: variance of the trend's slopes.
        by_rung: visible shares, scales of the smooth and of the specific difference, and noise.
    """
    values = [*[lengths] * 6, final, slope, *chain.from_iterable(by_rung)]
    return Kernel(np.array([0, 1, 2]), np.log(values))


def test_without_rungs_or_trend_it_is_scikit_learns_matern_process() -> None:
    x, new = RANDOM.random((12, 3)), RANDOM.random((5, 3))
    y = np.sin(4 * x).sum(axis=1)
    kernel = kernel_of(0.7, 2.0, 1e-12, [[], [], [], [0.01]])
    process = GaussianProcess(kernel, x, np.zeros(12, dtype=np.int64), y)
    mean, deviation = process.predict(new)
    prior = ConstantKernel(2.0) * Matern(0.7, nu=2.5) + ConstantKernel(CURVE_VARIANCE)
    reference = GaussianProcessRegressor(prior, alpha=0.01 + 1e-8, optimizer=None).fit(x, y)
    expected = reference.predict(new, return_std=True)
    np.testing.assert_allclose(mean, expected[0], rtol=1e-6)
    np.testing.assert_allclose(deviation, expected[1], rtol=1e-5)


def test_an_update_by_one_value_is_the_posterior_given_it() -> None:
    x, r, y = RANDOM.random((10, 3)), RANDOM.integers(0, 3, 10), RANDOM.standard_normal(10)
    kernel, new = kernel_of(0.5, 1.0, 0.3, BY_RUNG), RANDOM.random((4, 3))
    updates = GaussianProcess(kernel, x, r, y).updates(new)
    for rung, index in product(range(2), range(4)):
        point = new[index]
        more = np.vstack([x, point]), np.append(r, rung), np.append(y, 0.8)
        expected = np.ravel(GaussianProcess(kernel, *more).predict(point[None]))
        np.testing.assert_allclose(updates[rung].given(index, 0.8), expected, rtol=1e-5)


def test_errors_of_values_add_to_the_noise() -> None:
    x, r, y = RANDOM.random((10, 3)), RANDOM.integers(0, 3, 10), RANDOM.standard_normal(10)
    noise = np.array(BY_RUNG[3])
    noisier = [*BY_RUNG[:3], [float(each) for each in noise + 0.3**2]]
    with_errors = GaussianProcess(kernel_of(0.5, 1.0, 0.3, BY_RUNG), x, r, y, np.full(10, 0.3))
    with_noise = GaussianProcess(kernel_of(0.5, 1.0, 0.3, noisier), x, r, y)
    new = RANDOM.random((5, 3))
    np.testing.assert_allclose(with_errors.predict(new), with_noise.predict(new), rtol=1e-9)


def test_pending_points_reduce_deviations_and_leave_means_unchanged() -> None:
    x, r, y = RANDOM.random((10, 3)), RANDOM.integers(0, 3, 10), RANDOM.standard_normal(10)
    kernel = kernel_of(0.5, 1.0, 0.3, BY_RUNG)
    pending, new = RANDOM.random((4, 3)), RANDOM.random((50, 3))
    process = GaussianProcess(kernel, x, r, y)
    mean, _ = process.with_pending(pending[:3]).predict(new)
    np.testing.assert_allclose(mean, process.predict(new)[0], atol=1e-9)
    for count in (3, 4):  # the deviations do not depend on the values
        rungs, values = np.append(r, [2] * count), np.append(y, RANDOM.standard_normal(count))
        known = GaussianProcess(kernel, np.vstack([x, pending[:count]]), rungs, values)
        deviations = PendingDeviations(process.with_pending(pending[:3]), new)
        for point in pending[3:count]:
            deviations.add(point)
        np.testing.assert_allclose(deviations.deviations, known.predict(new)[1], rtol=1e-6)
