"""Posteriors of Gaussian processes over configurations and rungs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from gansearch.search.bayesian.kernel import JITTER, Array, Indices, Kernel

MIN_VARIANCE = 1e-12
"""Minimum predictive variance; rounding could make it negative."""


class ObservationUpdate(NamedTuple):
    """Effect of one further value, at some rung, on predictions at the last rung; ``[N]`` each.

    Attributes:
        mean: mean before the value.
        expected: predicted further value.
        gain: change of the mean per unit of difference between value and prediction.
        deviation: standard deviation after the value, which does not depend on it.
    """

    mean: Array
    expected: Array
    gain: Array
    deviation: Array

    def given(self, index: int, value: float) -> tuple[float, float]:
        """Return mean and standard deviation at ``index`` in ``[N]`` after a value."""
        mean = self.mean[index] + self.gain[index] * (value - self.expected[index])
        return float(mean), float(self.deviation[index])


class GaussianProcess:
    """Posterior of a Gaussian process given values.

    Args:
        kernel: kernel with its hyperparameters.
        x: kernel inputs ``[V, D]``, V >= 1.
        r: rungs ``[V]``.
        y: values ``[V]``, of order 1.
        errors: standard errors of the values ``[V]``, in addition to the kernel's noise; 0 if
            ``None``.
    """

    def __init__(
        self, kernel: Kernel, x: Array, r: Indices, y: Array, errors: Array | None = None
    ) -> None:
        self.kernel = kernel
        self._x, self._r, self._y = x, r, y
        self._errors = np.zeros(len(y)) if errors is None else errors
        covariance = kernel(x, r, x, r)
        noise = kernel.hyperparameters.noise[r] + self._errors**2
        covariance[np.diag_indices_from(covariance)] += noise + JITTER
        self._factor = cholesky(covariance, lower=True, check_finite=False)
        self._weights = cho_solve((self._factor, True), y, check_finite=False)

    @property
    def rungs(self) -> Indices:
        """Rungs of the values ``[V]``."""
        return self._r

    @property
    def weights(self) -> Array:
        """Inverse covariance of the values times the values ``[V]``."""
        return self._weights

    @property
    def inverse(self) -> Array:
        """Inverse covariance of the values ``[V, V]``, noise included."""
        inverse: Array = cho_solve((self._factor, True), np.eye(len(self._y)), check_finite=False)
        return inverse

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Return noise-free means and standard deviations ``[N]`` at the last rung."""
        mean, whitened = self.project(x, self.kernel.last)
        return mean, _deviation(self.variance(x, self.kernel.last, whitened))

    def updates(self, x: Array) -> list[ObservationUpdate]:
        """Return the effect of a further value of each of ``[N, D]``, for each earlier rung."""
        kernel, last = self.kernel, self.kernel.last
        mean, final = self.project(x, last)
        before = self.variance(x, last, final)
        found = []
        for r in range(last):
            expected, whitened = self.project(x, r)
            covariance = kernel.own(x, r, last) - (whitened * final).sum(axis=0)
            noise = kernel.hyperparameters.noise[r]
            gain = covariance / (self.variance(x, r, whitened) + noise)
            deviation = _deviation(before - gain * covariance)
            found.append(ObservationUpdate(mean, expected, gain, deviation))
        return found

    def with_pending(self, x: Array) -> GaussianProcess:
        """Condition on the means of pending points ``[N, D]`` at the last rung.

        No mean changes, but the deviations of similar configurations shrink. Source: Desautels,
        Krause, Burdick 2014, Parallelizing Exploration-Exploitation Tradeoffs in Gaussian Process
        Bandit Optimization (GP-BUCB).
        """
        mean, _ = self.predict(x)
        r = np.append(self._r, np.full(len(x), self.kernel.last))
        y, errors = np.append(self._y, mean), np.append(self._errors, np.zeros(len(x)))
        return GaussianProcess(self.kernel, np.vstack([self._x, x]), r, y, errors)

    def project(self, x: Array, rung: int) -> tuple[Array, Array]:
        """Return means ``[N]`` at a rung, and whitened covariances ``[V, N]`` with the values.

        The covariances are multiplied by the inverse Cholesky factor of the values' covariance. The
        product of two columns is the explained part of the covariance of two configurations.
        """
        cross = self.kernel(self._x, self._r, x, np.full(len(x), rung))
        whitened = solve_triangular(self._factor, cross, lower=True, check_finite=False)
        return cross.T @ self._weights, whitened

    def variance(self, x: Array, rung: int, whitened: Array) -> Array:
        """Return noise-free posterior variances ``[N]`` at a rung, given :meth:`project`'s."""
        explained = (whitened**2).sum(axis=0)
        found: Array = np.maximum(self.kernel.own(x, rung, rung) - explained, MIN_VARIANCE)
        return found


class PendingDeviations:
    """Posterior deviations of final values, which shrink as pending points are added.

    Args:
        process: the posterior.
        x: kernel inputs ``[N, D]`` of the configurations.
    """

    def __init__(self, process: GaussianProcess, x: Array) -> None:
        self._process, self._x = process, x
        _, self._whitened = process.project(x, process.kernel.last)
        self._variance = process.variance(x, process.kernel.last, self._whitened)
        self._remaining = np.ones(len(x))  # share of the variance

    @property
    def deviations(self) -> Array:
        """Noise-free standard deviations ``[N]``."""
        return _deviation(self._remaining * self._variance)

    def add(self, x: Array) -> None:
        """Add a pending point ``[D]``, as if independent of other points that were added."""
        kernel, last = self._process.kernel, self._process.kernel.last
        _, whitened = self._process.project(x[None], last)
        rungs = np.full(len(self._x), last)
        prior = kernel(self._x, rungs, x[None], rungs[:1])
        covariance = (prior - self._whitened.T @ whitened)[:, 0]
        noise = kernel.hyperparameters.noise[last]
        variance = self._process.variance(x[None], last, whitened) + noise
        self._remaining *= np.maximum(1 - covariance**2 / (variance * self._variance), 0)


def _deviation(variance: Array) -> Array:
    deviation: Array = np.sqrt(np.maximum(variance, MIN_VARIANCE))
    return deviation
