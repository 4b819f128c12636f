"""Calibration of predicted deviations by final values that are known."""

import numpy as np
import pytest

from gansearch.search.bayesian.calibration import PRIOR_RESIDUAL, PRIOR_WEIGHT, inflation_factors
from gansearch.search.bayesian.gp import GaussianProcess
from gansearch.search.bayesian.kernel import Kernel

RANDOM = np.random.default_rng(0)


def kernel_of(noise: float) -> Kernel:
    """Return a kernel of one parameter and two rungs."""
    return Kernel(np.array([0]), np.log([0.3, 0.3, 1.0, 0.3, 0.8, 0.5, 0.2, noise, noise]))


def process_of_draws(kernel: Kernel, count: int, factor: float) -> GaussianProcess:
    """Return a process given curves drawn from its prior, with ``factor`` times its noise."""
    x, r = np.repeat(RANDOM.random((count, 1)), 2, axis=0), np.tile([0, 1], count)
    covariance = kernel(x, r, x, r) + 1e-9 * np.eye(len(x))
    drawn = np.linalg.cholesky(covariance) @ RANDOM.standard_normal(len(x))
    deviations = np.sqrt(kernel.hyperparameters.noise[r])
    noise = factor * deviations * RANDOM.standard_normal(len(x))
    return GaussianProcess(kernel, x, r, drawn + noise)


def test_a_residual_is_that_of_a_process_without_the_final_value() -> None:
    kernel = kernel_of(0.05)
    process = process_of_draws(kernel, 6, 2.0)
    trials = np.repeat(np.arange(6), 2)
    squares = []
    for final in range(1, 12, 2):
        kept = np.arange(12) != final
        without = GaussianProcess(kernel, process._x[kept], process._r[kept], process._y[kept])
        mean, deviation = without.predict(process._x[final : final + 1])
        variance = deviation**2 + kernel.hyperparameters.noise[1]
        squares.append((process._y[final] - mean) ** 2 / variance)
    expected = (PRIOR_WEIGHT * PRIOR_RESIDUAL**2 + np.sum(squares)) / (PRIOR_WEIGHT + 6)
    factor = inflation_factors(process, trials)[0]
    assert factor == pytest.approx(np.sqrt(max(expected, 1.0)), rel=1e-4)


def test_factors_grow_with_the_residuals_and_are_at_least_one() -> None:
    kernel, trials = kernel_of(0.05), np.repeat(np.arange(60), 2)
    (calibrated,) = inflation_factors(process_of_draws(kernel, 60, 1.0), trials)
    (overconfident,) = inflation_factors(process_of_draws(kernel, 60, 4.0), trials)
    assert 1.0 <= calibrated < 1.4
    assert overconfident > 1.8


def test_without_final_values_the_factor_is_the_priors() -> None:
    x, r = RANDOM.random((5, 1)), np.zeros(5, dtype=np.int64)
    process = GaussianProcess(kernel_of(0.05), x, r, np.zeros(5))
    assert inflation_factors(process, np.arange(5)).tolist() == [PRIOR_RESIDUAL]
