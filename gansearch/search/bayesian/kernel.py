"""The kernel over configurations and rungs, and its fit to values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky
from scipy.optimize import Bounds, minimize

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

CURVE_VARIANCE = 10.0
"""Prior variance of the common learning curve; it is large, so that the curve explains the mean of
each rung."""
JITTER = 1e-8
"""Variance added to every observation, so that a covariance matrix has a Cholesky factor."""
LOG_VISIBLE_SHARE = -0.3
"""Prior mean of log rho_r, the share of the final value visible at rung r."""
LOG_NOISE = -4.0
"""Prior mean of the logarithm of the noise variance at a rung."""
LOG_SPECIFIC_RATIO = -1.0
"""Prior mean of log(v_r / w_r): the configuration-specific part of the difference from the final
value at rung r, relative to the smooth part."""
EQUAL_DISTANCE = 1e-5
"""Maximum distance between two equal configurations, in length scales and times √5; above 0 because
of rounding."""
MAX_ITERATIONS = 25
"""Maximum number of iterations of the optimiser that fits a kernel."""


class KernelHyperparameters(NamedTuple):
    """Hyperparameters of a kernel by name.

    Attributes:
        lengths: length scales of M and of N for each parameter ``[2, G]``.
        final: variance a of final values around the trend.
        slope: variance s of the trend's slopes.
        visible: share rho of the final value visible at each rung ``[R]``, 1 at the last.
        smooth: scale w of the smooth difference from the final value at each rung ``[R]``, 0 at the
            last.
        specific: scale v of the configuration-specific difference at each rung ``[R]``, 0 at the
            last.
        noise: noise variance at each rung ``[R]``.
    """

    lengths: Array
    final: float
    slope: float
    visible: Array
    smooth: Array
    specific: Array
    noise: Array


@dataclass(frozen=True)
class Kernel:
    """Covariance of two values of configurations x and x' at rungs r and r'.

    ``k = rho(r)·rho(r')·(a·M(x, x') + s·(x - ½)·(x' - ½)) + w(r)·w(r')·N(x, x') +
    v(r)·v(r')·[x = x'] + c·e^(-|r - r'| / rungs)``

    The first term is the final value around a linear trend, scaled by its visible share at a rung.
    The second is the difference from the final value that similar configurations have in common.
    The third is the difference that is specific to a configuration. The last is a common learning
    curve, whose variance c is :data:`CURVE_VARIANCE`. At the last rung, the full budget, rho is 1,
    and w and v are 0. M and N are Matérn kernels with smoothness 5/2 and one length scale per
    parameter.

    Source: Kennedy, O'Hagan 2000, Predicting the Output from a Complex Computer Code When Fast
    Approximations Are Available; its levels are the rungs.

    Attributes:
        group: ``[D]``, the parameter of each column.
        theta: logarithms of :class:`KernelHyperparameters` in their order; rho, w and v without the
            last rung.
    """

    group: Indices
    theta: Array

    @cached_property
    def hyperparameters(self) -> KernelHyperparameters:
        """The hyperparameters by name."""
        return _unpack(self.theta, int(self.group.max(initial=-1)) + 1)

    @property
    def last(self) -> int:
        """Index of the last rung."""
        return len(self.hyperparameters.noise) - 1

    def __call__(self, x: Array, r: Indices, x2: Array, r2: Indices) -> Array:
        """Return noise-free covariances ``[N, N2]`` of ``[N, D]`` at rungs ``[N]`` with others."""
        h = self.hyperparameters
        final_lengths, smooth_lengths = h.lengths[:, self.group]
        distances = _distances(x / final_lengths, x2 / final_lengths)
        covariance = h.final * _matern(distances) + h.slope * _linear(x, x2)
        covariance *= np.outer(h.visible[r], h.visible[r2])
        covariance += _learning_curve(r, r2, len(h.noise))
        smooth = np.outer(h.smooth[r], h.smooth[r2])
        if smooth.any():
            covariance += smooth * _matern(_distances(x / smooth_lengths, x2 / smooth_lengths))
            specific = np.outer(h.specific[r], h.specific[r2])
            covariance += specific * (distances < EQUAL_DISTANCE)
        return covariance

    def own(self, x: Array, r: int, r2: int) -> Array:
        """Return noise-free covariances ``[N]`` of each of ``[N, D]`` with itself at two rungs."""
        h = self.hyperparameters
        final = h.final + h.slope * ((x - 0.5) ** 2).sum(axis=1)
        curve = CURVE_VARIANCE * math.exp(-abs(r - r2) / len(h.noise))
        difference = h.smooth[r] * h.smooth[r2] + h.specific[r] * h.specific[r2]
        covariance: Array = h.visible[r] * h.visible[r2] * final + curve + difference
        return covariance


def _unpack(theta: Array, groups: int) -> KernelHyperparameters:
    rungs = (len(theta) - 2 * groups + 1) // 4
    lengths, variances, visible, smooth, specific, noise = np.split(
        np.exp(theta), np.cumsum([2 * groups, 2, rungs - 1, rungs - 1, rungs - 1])
    )
    final, slope = map(float, variances)
    return KernelHyperparameters(
        lengths.reshape(2, -1),
        final,
        slope,
        np.append(visible, 1.0),
        np.append(smooth, 0.0),
        np.append(specific, 0.0),
        noise,
    )


def _distances(x: Array, x2: Array) -> Array:
    """Return Euclidean distances ``[N, N2]`` times √5."""
    squares = (x**2).sum(1)[:, None] + (x2**2).sum(1) - 2 * x @ x2.T
    distances: Array = np.sqrt(5 * np.maximum(squares, 0))
    return distances


def _matern(distances: Array) -> Array:
    correlations: Array = (1 + distances + distances**2 / 3) * np.exp(-distances)
    return correlations


def _linear(x: Array, x2: Array) -> Array:
    products: Array = (x - 0.5) @ (x2 - 0.5).T
    return products


def _learning_curve(r: Indices, r2: Indices, rungs: int) -> Array:
    """Return covariances ``[N, N2]`` of the common learning curve."""
    covariance: Array = CURVE_VARIANCE * np.exp(-np.abs(r[:, None] - r2) / rungs)
    return covariance


def fit(
    group: Indices, x: Array, r: Indices, y: Array, rungs: int, errors: Array | None = None
) -> Kernel:
    """Fit the kernel of maximum posterior probability; deterministic.

    The prior of the length scales grows with the number of parameters (Hvarfner et al. 2024,
    Vanilla Bayesian Optimization Performs Great in High Dimensions). Few values therefore do not
    make many parameters relevant.

    Args:
        group: ``[D]``, the parameter of each column.
        x: kernel inputs ``[N, D]``, N >= 1.
        r: rungs ``[N]`` from 0; the last is the full budget.
        y: values ``[N]``, of order 1.
        rungs: number of rungs.
        errors: standard errors of the values ``[N]``, in addition to the noise; 0 if ``None``.
    """
    groups = int(group.max(initial=-1)) + 1
    lengths = np.full(2 * groups, 0.5 * np.log(max(1, groups)))
    visible = np.full(rungs - 1, LOG_VISIBLE_SHARE)
    smooth = np.log(1 - np.arange(rungs - 1) / max(1, rungs - 1))
    specific = smooth + LOG_SPECIFIC_RATIO
    noise = np.full(rungs, LOG_NOISE)
    prior: Array = np.concatenate([lengths, [0.0, -1.0], visible, smooth, specific, noise])
    # Standard deviations of the prior.
    width = np.append(np.ones(len(prior) - rungs), np.full(rungs, 1.5))
    member = (group == np.arange(groups)[:, None]).astype(float)  # [G, D]
    squares = np.einsum("ijd,gd->gij", (x[:, None] - x[None]) ** 2, member)
    error_variances = np.zeros(len(y)) if errors is None else errors**2
    fixed = _learning_curve(r, r, rungs) + np.diag(error_variances + JITTER)
    likelihood = partial(
        _negative_log_likelihood, squares=squares, linear=_linear(x, x), r=r, y=y, fixed=fixed
    )

    def negative_log_posterior(theta: Array) -> tuple[float, Array]:
        standardised = (theta - prior) / width
        value, gradient = likelihood(theta)
        return value + float(standardised @ standardised) / 2, gradient + standardised / width

    found = minimize(
        negative_log_posterior,
        prior,
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(prior - 4 * width, prior + 4 * width),
        options={"maxiter": MAX_ITERATIONS},
    )
    return Kernel(group, found.x)


def _negative_log_likelihood(
    theta: Array, squares: Array, linear: Array, r: Indices, y: Array, fixed: Array
) -> tuple[float, Array]:
    """Return the negative log likelihood of ``theta``, up to a constant, and its gradient.

    ``squares [G, N, N]`` are squared distances by parameter, and ``fixed [N, N]`` is the part of
    the covariance that does not depend on ``theta``.
    """
    h = _unpack(theta, len(squares))
    rungs = len(h.noise)
    visible, smooth = (np.outer(scale[r], scale[r]) for scale in (h.visible, h.smooth))
    trend = h.slope * visible * linear
    specific = np.outer(h.specific[r], h.specific[r]) * ~squares.any(axis=0)
    covariance = fixed + trend + specific
    flat = squares.reshape(len(squares), -1)  # [G, N²]
    terms = []
    for lengths, scale in zip(h.lengths, (h.final * visible, smooth), strict=True):
        distances = np.sqrt(5 * (lengths**-2 @ flat)).reshape(covariance.shape)
        decay = np.exp(-distances) * scale
        term = (1 + distances + distances**2 / 3) * decay
        covariance += term
        terms.append((term, lengths**-2, 5 / 3 * (1 + distances) * decay))
    covariance[np.diag_indices_from(covariance)] += h.noise[r]
    factor = cholesky(covariance, lower=True, check_finite=False)
    weights = cho_solve((factor, True), y, check_finite=False)
    inverse = cho_solve((factor, True), np.eye(len(y)), check_finite=False)
    # Twice the derivative by the covariance.
    outer = inverse - np.outer(weights, weights)
    by_lengths = [scale * (flat @ (slope * outer).ravel()) for _, scale, slope in terms]
    final_term, smooth_term = (term * outer for term, _, _ in terms)
    trend_term = trend * outer
    value = y @ weights / 2 + np.log(np.diag(factor)).sum()
    by_rung = partial(np.bincount, r, minlength=rungs)
    gradient = [
        *by_lengths,
        np.array([final_term.sum(), trend_term.sum()]),
        2 * by_rung((final_term + trend_term).sum(axis=1))[:-1],
        2 * by_rung(smooth_term.sum(axis=1))[:-1],
        2 * by_rung((specific * outer).sum(axis=1))[:-1],
        by_rung(np.diag(outer)) * h.noise,
    ]
    return float(value), np.concatenate(gradient) / 2
