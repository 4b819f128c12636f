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

OFFSET = 10.0
"""Prior variance of the common learning curve; it is large, so that the curve explains the mean of
each rung."""
JITTER = 1e-8
SHOWN = -0.3
"""Prior mean of log u(r), where u(r) is the share of the final value visible at rung r."""
NOISE = -4.0
"""Prior mean of the log noise variance."""
ROUGH = -1.0
"""Prior mean of log(v / w): the configuration-specific part of the difference from the final value,
relative to the smooth part."""
SAME = 1e-5
"""Maximum distance, in length scales, between equal configurations, because of rounding."""
STEPS = 25
"""Maximum number of iterations of the kernel's optimiser."""


class Parts(NamedTuple):
    """Hyperparameters of a kernel by name.

    Attributes:
        lengths: length scales of M and of N for each parameter ``[2, G]``.
        a: variance of final values around the trend.
        s: variance of the trend's slopes.
        shown: share u of the final value visible at each rung ``[R]``, 1 at the last.
        away: scale w of the smooth difference from the final value at each rung ``[R]``, 0 at the
            last.
        rough: scale v of the configuration-specific difference at each rung ``[R]``, 0 at the last.
        noise: noise variance at each rung ``[R]``.
    """

    lengths: Array
    a: float
    s: float
    shown: Array
    away: Array
    rough: Array
    noise: Array


@dataclass(frozen=True)
class Kernel:
    """Covariance of two values of configurations x and x' at rungs r and r'.

    ``k = u(r)·u(r')·(a·M(x, x') + s·(x - ½)·(x' - ½)) + w(r)·w(r')·N(x, x') + v(r)·v(r')·[x = x'] +
    c·e^(-|r - r'| / rungs)``

    The first term is the final value around a linear trend, scaled by its visible share at a rung.
    The second is the difference from the final value that similar configurations have in common.
    The third is the difference that is specific to a configuration. The last is a common learning
    curve, whose variance c is :data:`OFFSET`. At the last rung, the full budget, u is 1, and w and
    v are 0. M and N are Matérn kernels with smoothness 5/2 and one length scale per parameter.

    Source: Kennedy, O'Hagan 2000, Predicting the Output from a Complex Computer Code When Fast
    Approximations Are Available; its levels are the rungs.

    Attributes:
        group: ``[D]``, the parameter of each column.
        theta: logarithms of :class:`Parts` in their order; u, w and v without the last rung.
    """

    group: Indices
    theta: Array

    @cached_property
    def parts(self) -> Parts:
        """The hyperparameters."""
        return _parts(self.theta, int(self.group.max(initial=-1)) + 1)

    @property
    def last(self) -> int:
        """Index of the last rung."""
        return len(self.parts.noise) - 1

    def __call__(self, x: Array, r: Indices, x2: Array, r2: Indices) -> Array:
        """Return noise-free covariances ``[N, N2]`` of ``[N, D]`` at rungs ``[N]`` with others."""
        p = self.parts
        end, way = p.lengths[:, self.group]
        root = _root(x / end, x2 / end)
        found = p.a * _matern(root) + p.s * _linear(x, x2)
        found *= np.outer(p.shown[r], p.shown[r2])
        found += _shared(r, r2, len(p.noise))
        left = np.outer(p.away[r], p.away[r2])
        if left.any():
            found += left * _matern(_root(x / way, x2 / way))
            found += np.outer(p.rough[r], p.rough[r2]) * (root < SAME)
        return found

    def own(self, x: Array, r: int, r2: int) -> Array:
        """Return noise-free covariances ``[N]`` of each of ``[N, D]`` with itself at two rungs."""
        p = self.parts
        ends = p.a + p.s * ((x - 0.5) ** 2).sum(axis=1)
        curve = OFFSET * math.exp(-abs(r - r2) / len(p.noise))
        way = p.away[r] * p.away[r2] + p.rough[r] * p.rough[r2]
        found: Array = p.shown[r] * p.shown[r2] * ends + curve + way
        return found


def _parts(theta: Array, groups: int) -> Parts:
    rungs = (len(theta) - 2 * groups + 1) // 4
    lengths, two, shown, away, rough, noise = np.split(
        np.exp(theta), np.cumsum([2 * groups, 2, rungs - 1, rungs - 1, rungs - 1])
    )
    a, s = map(float, two)
    ones = np.append(shown, 1.0)
    ways = np.append(away, 0.0), np.append(rough, 0.0)
    return Parts(lengths.reshape(2, -1), a, s, ones, *ways, noise)


def _root(x: Array, x2: Array) -> Array:
    squares = (x**2).sum(1)[:, None] + (x2**2).sum(1) - 2 * x @ x2.T
    found: Array = np.sqrt(5 * np.maximum(squares, 0))
    return found


def _matern(root: Array) -> Array:
    found: Array = (1 + root + root**2 / 3) * np.exp(-root)
    return found


def _linear(x: Array, x2: Array) -> Array:
    found: Array = (x - 0.5) @ (x2 - 0.5).T
    return found


def _shared(r: Indices, r2: Indices, rungs: int) -> Array:
    found: Array = OFFSET * np.exp(-np.abs(r[:, None] - r2) / rungs)
    return found


def fit(
    group: Indices, x: Array, r: Indices, y: Array, rungs: int, errors: Array | None = None
) -> Kernel:
    """Fit the kernel of maximum posterior probability; deterministic.

    The prior of the length scales grows with the number of parameters (Hvarfner et al. 2024,
    Vanilla Bayesian Optimization Performs Great in High Dimensions). Few values therefore do not
    make many parameters relevant.

    Args:
        group: ``[D]``, the parameter of each column.
        x: points ``[N, D]``, N >= 1.
        r: rungs ``[N]`` from 0; the last is the full budget.
        y: values ``[N]``, of order 1.
        rungs: number of rungs.
        errors: standard errors of the values ``[N]``, in addition to the noise; 0 if ``None``.
    """
    groups = int(group.max(initial=-1)) + 1
    left = np.log(1 - np.arange(rungs - 1) / max(1, rungs - 1))
    lengths = np.full(2 * groups, 0.5 * np.log(max(1, groups)))
    shown = np.full(rungs - 1, SHOWN)
    prior: Array = np.concatenate(
        [lengths, [0.0, -1.0], shown, left, left + ROUGH, np.full(rungs, NOISE)]
    )
    width = np.append(np.ones(len(prior) - rungs), np.full(rungs, 1.5))
    member = (group == np.arange(groups)[:, None]).astype(float)  # [G, D]
    squares = np.einsum("ijd,gd->gij", (x[:, None] - x[None]) ** 2, member)
    known = np.zeros(len(y)) if errors is None else errors**2
    fixed = _shared(r, r, rungs) + np.diag(known + JITTER)
    cost = partial(_cost, squares=squares, linear=_linear(x, x), r=r, y=y, fixed=fixed)

    def regularised(theta: Array) -> tuple[float, Array]:
        off = (theta - prior) / width
        value, gradient = cost(theta)
        return value + float(off @ off) / 2, gradient + off / width

    found = minimize(
        regularised,
        prior,
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(prior - 4 * width, prior + 4 * width),
        options={"maxiter": STEPS},
    )
    return Kernel(group, found.x)


def _cost(
    theta: Array, squares: Array, linear: Array, r: Indices, y: Array, fixed: Array
) -> tuple[float, Array]:
    """Return the negative log likelihood of ``theta``, up to a constant, and its gradient.

    ``squares [G, N, N]`` are squared distances by parameter, and ``fixed [N, N]`` is the part of
    the covariance that does not depend on ``theta``.
    """
    p = _parts(theta, len(squares))
    rungs = len(p.noise)
    scales = np.outer(p.shown[r], p.shown[r]), np.outer(p.away[r], p.away[r])
    trend = p.s * scales[0] * linear
    rough = np.outer(p.rough[r], p.rough[r]) * ~squares.any(axis=0)
    covariance = fixed + trend + rough
    flat = squares.reshape(len(squares), -1)  # [G, N²]
    parts = []
    for lengths, scale in zip(p.lengths, (p.a * scales[0], scales[1]), strict=True):
        root = np.sqrt(5 * (lengths**-2 @ flat)).reshape(covariance.shape)
        decay = np.exp(-root) * scale
        part = (1 + root + root**2 / 3) * decay
        covariance += part
        parts.append((part, lengths**-2, 5 / 3 * (1 + root) * decay))
    covariance[np.diag_indices_from(covariance)] += p.noise[r]
    factor = cholesky(covariance, lower=True, check_finite=False)
    weights = cho_solve((factor, True), y, check_finite=False)
    inverse = cho_solve((factor, True), np.eye(len(y)), check_finite=False)
    outer = inverse - np.outer(weights, weights)
    slopes = [scale * (flat @ (slope * outer).ravel()) for _, scale, slope in parts]
    lasting, passing = (part * outer for part, _, _ in parts)
    trending = trend * outer
    value = y @ weights / 2 + np.log(np.diag(factor)).sum()
    by_rung = partial(np.bincount, r, minlength=rungs)
    gradient = [
        *slopes,
        np.array([lasting.sum(), trending.sum()]),
        2 * by_rung((lasting + trending).sum(axis=1))[:-1],
        2 * by_rung(passing.sum(axis=1))[:-1],
        2 * by_rung((rough * outer).sum(axis=1))[:-1],
        by_rung(np.diag(outer)) * p.noise,
    ]
    return float(value), np.concatenate(gradient) / 2
