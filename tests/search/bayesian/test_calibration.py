"""Deviations of predicted ends, checked against the ends that are known."""

import numpy as np
import pytest

from gansearch.search.bayesian.calibration import SUPPOSED, WEIGHT, inflation
from gansearch.search.bayesian.gp import Gaussian
from gansearch.search.bayesian.kernel import Kernel

RANDOM = np.random.default_rng(0)


def kernel_of(noise: float) -> Kernel:
    """Of one parameter and two rungs."""
    return Kernel(np.array([0]), np.log([0.3, 0.3, 1.0, 0.3, 0.8, 0.5, 0.2, noise, noise]))


def curves(kernel: Kernel, count: int, factor: float) -> Gaussian:
    """A process given curves that are its kernel's own, with noise that is so much larger."""
    x, r = np.repeat(RANDOM.random((count, 1)), 2, axis=0), np.tile([0, 1], count)
    covariance = kernel(x, r, x, r) + 1e-9 * np.eye(len(x))
    drawn = np.linalg.cholesky(covariance) @ RANDOM.standard_normal(len(x))
    noise = factor * np.sqrt(kernel.parts.noise[r]) * RANDOM.standard_normal(len(x))
    return Gaussian(kernel, x, r, drawn + noise)


def test_a_residual_is_that_of_a_process_that_was_not_given_the_end() -> None:
    kernel = kernel_of(0.05)
    process = curves(kernel, 6, 2.0)
    trials = np.repeat(np.arange(6), 2)
    squares = []
    for end in range(1, 12, 2):
        kept = np.arange(12) != end
        without = Gaussian(kernel, process._x[kept], process._r[kept], process._y[kept])
        mean, deviation = without.predict(process._x[end : end + 1])
        squares.append((process._y[end] - mean) ** 2 / (deviation**2 + kernel.parts.noise[1]))
    expected = (WEIGHT * SUPPOSED**2 + np.sum(squares)) / (WEIGHT + 6)
    assert inflation(process, trials)[0] == pytest.approx(np.sqrt(max(expected, 1.0)), rel=1e-4)


def test_deviations_grow_where_ends_are_missed_by_more_and_never_shrink() -> None:
    kernel, trials = kernel_of(0.05), np.repeat(np.arange(60), 2)
    (right,) = inflation(curves(kernel, 60, 1.0), trials)
    (wrong,) = inflation(curves(kernel, 60, 4.0), trials)
    assert 1.0 <= right < 1.4
    assert wrong > 1.8


def test_few_ends_leave_what_is_supposed() -> None:
    kernel = kernel_of(0.05)
    unknown = Gaussian(kernel, RANDOM.random((5, 1)), np.zeros(5, dtype=np.int64), np.zeros(5))
    assert inflation(unknown, np.arange(5)).tolist() == [SUPPOSED]
