"""Posteriors of Gaussian processes over configurations and rungs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from gansearch.search.bayesian.kernel import JITTER, Array, Indices, Kernel

LEAST = 1e-12
"""Minimum predictive variance."""


class Further(NamedTuple):
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

    def given(self, place: int, value: float) -> tuple[float, float]:
        """Return mean and standard deviation at ``place`` in ``[N]`` after a value."""
        mean = self.mean[place] + self.gain[place] * (value - self.expected[place])
        return float(mean), float(self.deviation[place])


class Gaussian:
    """Posterior of a Gaussian process given values.

    Args:
        kernel: kernel with its hyperparameters.
        x: points ``[N, D]``, N >= 1.
        r: rungs ``[N]``.
        y: values ``[N]``, of order 1.
        errors: standard errors of the values ``[N]``, in addition to the kernel's noise; 0 if
            ``None``.
    """

    def __init__(
        self, kernel: Kernel, x: Array, r: Indices, y: Array, errors: Array | None = None
    ) -> None:
        self.kernel = kernel
        self._x, self._r, self._y = x, r, y
        self._errors = np.zeros(len(y)) if errors is None else errors
        covariance = kernel(x, r, x, r)
        noise = kernel.parts.noise[r] + self._errors**2
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
        found: Array = cho_solve((self._factor, True), np.eye(len(self._y)), check_finite=False)
        return found

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Return noise-free means and standard deviations ``[N]`` at the last rung."""
        mean, half = self.project(x, self.kernel.last)
        return mean, _root_of(self.unexplained(x, self.kernel.last, half))

    def further(self, x: Array) -> list[Further]:
        """Return the effect of a further value of each of ``[N, D]``, for each earlier rung."""
        kernel, last = self.kernel, self.kernel.last
        mean, end = self.project(x, last)
        before = self.unexplained(x, last, end)
        found = []
        for r in range(last):
            expected, half = self.project(x, r)
            shared = kernel.own(x, r, last) - (half * end).sum(axis=0)
            gain = shared / (self.unexplained(x, r, half) + kernel.parts.noise[r])
            found.append(Further(mean, expected, gain, _root_of(before - gain * shared)))
        return found

    def awaiting(self, x: Array) -> Gaussian:
        """Condition on the means of pending points ``[N, D]`` at the last rung.

        No mean changes, but the deviations of similar configurations shrink. Source: Desautels,
        Krause, Burdick 2014, Parallelizing Exploration-Exploitation Tradeoffs in Gaussian Process
        Bandit Optimization (GP-BUCB).
        """
        mean, _ = self.predict(x)
        r = np.append(self._r, np.full(len(x), self.kernel.last))
        y, errors = np.append(self._y, mean), np.append(self._errors, np.zeros(len(x)))
        return Gaussian(self.kernel, np.vstack([self._x, x]), r, y, errors)

    def project(self, x: Array, rung: int) -> tuple[Array, Array]:
        """Return means ``[N]`` at a rung, and the half ``[V, N]`` of the explained covariance.

        The product of the halves of two configurations is the explained part of their covariance.
        """
        cross = self.kernel(self._x, self._r, x, np.full(len(x), rung))
        half = solve_triangular(self._factor, cross, lower=True, check_finite=False)
        return cross.T @ self._weights, half

    def unexplained(self, x: Array, rung: int, half: Array) -> Array:
        """Return noise-free posterior variances ``[N]`` at a rung, given the half."""
        found: Array = np.maximum(self.kernel.own(x, rung, rung) - (half**2).sum(axis=0), LEAST)
        return found


class Doubt:
    """Posterior deviations of final values as pending points are added.

    Args:
        process: the posterior.
        x: configurations ``[N, D]``.
    """

    def __init__(self, process: Gaussian, x: Array) -> None:
        self._process, self._x = process, x
        _, self._half = process.project(x, process.kernel.last)
        self._whole = process.unexplained(x, process.kernel.last, self._half)
        self._share = np.ones(len(x))

    @property
    def deviation(self) -> Array:
        """Noise-free standard deviations ``[N]``."""
        return _root_of(self._share * self._whole)

    def await_end(self, z: Array) -> None:
        """Add a pending point ``[D]``, as if independent of other points that were added."""
        kernel, last = self._process.kernel, self._process.kernel.last
        _, half = self._process.project(z[None], last)
        rungs = np.full(len(self._x), last)
        prior = kernel(self._x, rungs, z[None], rungs[:1])
        shared = (prior - self._half.T @ half)[:, 0]
        variance = self._process.unexplained(z[None], last, half) + kernel.parts.noise[last]
        self._share *= np.maximum(1 - shared**2 / (variance * self._whole), 0)


def _root_of(variance: Array) -> Array:
    found: Array = np.sqrt(np.maximum(variance, LEAST))
    return found
