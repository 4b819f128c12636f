"""The kernel over configurations and rungs, and its fit."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import check_grad

from gansearch.search.bayesian.gp import GaussianProcess
from gansearch.search.bayesian.kernel import (
    CURVE_VARIANCE,
    LOG_NOISE,
    Kernel,
    _learning_curve,
    _linear,
    _negative_log_likelihood,
    fit,
)

RANDOM = np.random.default_rng(0)
GROUP = np.array([0, 1, 2])


def a_kernel() -> Kernel:
    """Return a kernel of three parameters and three rungs, drawn around its prior."""
    return Kernel(GROUP, 0.3 * np.random.default_rng(1).standard_normal(6 + 2 + 3 * 2 + 3))


def test_a_covariance_matrix_is_symmetric_and_positive_semidefinite() -> None:
    x, r = RANDOM.random((30, 3)), RANDOM.integers(0, 3, 30)
    x[10:20] = x[:10]  # some configurations at several rungs
    covariance = a_kernel()(x, r, x, r)
    np.testing.assert_allclose(covariance, covariance.T, rtol=1e-12)
    assert np.linalg.eigvalsh(covariance).min() > -1e-9


def test_the_covariance_of_a_configuration_with_itself_is_the_kernels_diagonal() -> None:
    kernel, x = a_kernel(), RANDOM.random((5, 3))
    for r, r2 in product(range(3), repeat=2):
        whole = kernel(x, np.full(5, r), x, np.full(5, r2))
        np.testing.assert_allclose(kernel.own(x, r, r2), np.diag(whole), rtol=1e-6)


def test_at_the_last_rung_only_the_final_value_and_the_curve_remain() -> None:
    kernel, x = a_kernel(), np.full((1, 3), 0.5)  # in the middle, where the trend is 0
    last = np.array([kernel.last])
    variance = kernel.hyperparameters.final + CURVE_VARIANCE
    np.testing.assert_allclose(kernel(x, last, x, last), [[variance]])


def test_the_gradient_of_the_likelihood_is_its_derivative() -> None:
    x, r, y = RANDOM.random((20, 3)), RANDOM.integers(0, 4, 20), RANDOM.standard_normal(20)
    x[10:], errors = x[:10], RANDOM.random(20)  # each configuration at two rungs
    squares, linear = ((x[:, None] - x) ** 2).transpose(2, 0, 1), _linear(x, x)
    fixed = _learning_curve(r, r, 4) + np.diag(errors**2)

    def value(theta: np.ndarray) -> float:
        return _negative_log_likelihood(theta, squares, linear, r, y, fixed)[0]

    def gradient(theta: np.ndarray) -> np.ndarray:
        return _negative_log_likelihood(theta, squares, linear, r, y, fixed)[1]

    theta = 0.3 * RANDOM.standard_normal(21)
    assert check_grad(value, gradient, theta) < 1e-5 * np.linalg.norm(gradient(theta))


def test_the_likelihood_is_that_of_a_normal_distribution() -> None:
    kernel = a_kernel()
    x, r, y = RANDOM.random((8, 3)), RANDOM.integers(0, 3, 8), RANDOM.standard_normal(8)
    covariance = kernel(x, r, x, r) + np.diag(kernel.hyperparameters.noise[r])
    _, logarithm = np.linalg.slogdet(covariance)
    expected = (y @ np.linalg.solve(covariance, y) + logarithm) / 2
    squares = ((x[:, None] - x) ** 2).transpose(2, 0, 1)
    arguments = squares, _linear(x, x), r, y, _learning_curve(r, r, 3)
    found, _ = _negative_log_likelihood(kernel.theta, *arguments)
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("visible", "unrelated"), [(1.0, 0.0), (1.0, 2.0), (0.1, 0.0)])
def test_final_values_are_learnt_from_earlier_rungs(visible: float, unrelated: float) -> None:
    """Final values depend on the first parameter alone; earlier ones may show little of it, and may
    depend on the second parameter as well.
    """
    random = np.random.default_rng(1)
    x = random.random((90, 3))
    r = np.repeat([0, 1, 2], 30)
    difference = np.array([1.0, 0.5, 0.0])[r]
    final = np.where(r == 0, visible, 1) * np.sin(5 * x[:, 0])
    y = final + difference * (3 + unrelated * x[:, 1])
    kernel = fit(GROUP, x, r, y, rungs=3)
    new = random.random((200, 3))
    mean, deviation = GaussianProcess(kernel, x, r, y).predict(new)
    errors = mean - np.sin(5 * new[:, 0])
    assert np.sqrt((errors**2).mean()) < 0.1
    assert (np.abs(errors) < 3 * deviation + 0.02).mean() > 0.95
    np.testing.assert_array_equal(fit(GROUP, x, r, y, rungs=3).theta, kernel.theta)


def test_known_errors_are_not_fitted_as_noise() -> None:
    random = np.random.default_rng(0)
    x, r = random.random((60, 3)), np.zeros(60, dtype=np.int64)
    y = np.sin(5 * x[:, 0]) + 0.5 * random.standard_normal(60)
    (unexplained,) = fit(GROUP, x, r, y, rungs=1).hyperparameters.noise
    (explained,) = fit(GROUP, x, r, y, 1, np.full(60, 0.5)).hyperparameters.noise
    assert unexplained == pytest.approx(0.25, rel=0.5)
    assert explained < np.exp(LOG_NOISE) * 2
