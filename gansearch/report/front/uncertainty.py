"""Pareto domination of measured points with standard errors.

Points are rows as in :mod:`gansearch.pareto`. Errors are ``[N, M]`` in the objectives' units, 0 for
exact values.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gansearch.pareto import Points, checked

CONFIDENCE = 0.95
"""Confidence level of every interval."""

NORMAL_QUANTILE = 1.959963984540054
"""Half width of a normal variable's interval of level :data:`CONFIDENCE`, in standard errors. A
difference above it is more than noise."""

DRAWS = 1024
"""Number of samples over which a point's probability of being on the front is averaged."""

CERTAIN = 6.0
"""Standard errors above which a difference counts as certain."""


def dominated_within_noise(points: ArrayLike, errors: ArrayLike) -> NDArray[np.bool_]:
    """Find the points that another one dominates if differences within the noise count as ties.

    The other point is better in at least one objective by more than :data:`NORMAL_QUANTILE`
    standard errors of the difference, and worse by more than that in none. Without errors these are
    the points that are not :func:`~gansearch.pareto.non_dominated`. With errors the relation is not
    transitive, so it can hold for every point of a front.

    Args:
        points: ``[N, M]``, minimised.
        errors: standard errors, at least 0; broadcasts to ``[N, M]``.

    Returns:
        Mask ``[N]``.

    Raises:
        ValueError: as in :func:`gansearch.pareto.non_dominated`; a negative or NaN error.
    """
    values = checked(points)
    spread = _checked_errors(errors, values)
    found = np.zeros(len(values), dtype=np.bool_)
    for i, (point, error) in enumerate(zip(values, spread, strict=True)):
        noise = NORMAL_QUANTILE * np.hypot(spread, error)
        better, worse = values < point - noise, values > point + noise
        found[i] = (better.any(axis=1) & ~worse.any(axis=1)).any()
    return found


def front_probability(
    points: ArrayLike, errors: ArrayLike, members: ArrayLike | None = None
) -> Points:
    """Compute the probability that no other point dominates a point's true values.

    True values are independent and normal around the measured ones, with their standard errors. For
    fixed values of a point, the probability that no other dominates it is exact: the product over
    the others of 1 - Πₘ Φ((own - other) / error of the other). It is averaged over :data:`DRAWS`
    samples of the point, from a fixed Latin hypercube.

    Args:
        points: ``[N, M]``, finite, minimised.
        errors: standard errors, at least 0; broadcasts to ``[N, M]``.
        members: indices ``[F]`` of the points to compute; all by default.

    Returns:
        ``[F]``, in [0, 1]; without errors 1 on the front and 0 elsewhere.

    Raises:
        ValueError: as in :func:`dominated_within_noise`.

    Source: Teich 2001, Pareto-Front Exploration with Uncertain Objectives; the Latin hypercube is
    that of McKay, Beckman, Conover 1979.
    """
    values = checked(points)
    spread = _checked_errors(errors, values)
    draws = _normal_draws(values.shape[1])
    chosen = np.arange(len(values)) if members is None else np.asarray(members)
    return np.array(
        [_non_domination_probability(i, values, spread, draws) for i in chosen], dtype=np.float64
    )


def _checked_errors(errors: ArrayLike, values: Points) -> Points:
    spread: Points = np.broadcast_to(np.asarray(errors, dtype=np.float64), values.shape)
    if not (spread >= 0).all():
        raise ValueError(f"standard errors {errors!r} should be at least 0")
    return spread


def _normal_draws(dimensions: int) -> Points:
    """Return a Latin hypercube of standard normal points ``[DRAWS, dimensions]``."""
    from scipy.special import ndtri

    middles = (np.arange(DRAWS) + 0.5) / DRAWS
    random = np.random.default_rng(0)
    return np.stack([ndtri(random.permutation(middles)) for _ in range(dimensions)], axis=1)


def _non_domination_probability(
    i: int | np.intp, values: Points, spread: Points, draws: Points
) -> float:
    """Compute the probability that no other point dominates point ``i``."""
    from scipy.special import ndtr

    point, error = values[i], spread[i]
    noise = np.hypot(spread, error)
    rivals = ((values - point) <= CERTAIN * noise).all(axis=1)
    rivals &= (noise > 0).any(axis=1) | (values < point).any(axis=1)  # equal is not better
    rivals[i] = False
    if ((values - point)[rivals] <= -CERTAIN * noise[rivals]).all(axis=1).any():
        return 0.0
    others, theirs = values[rivals], spread[rivals]
    drawn = point + error * draws  # [S, M]
    probability = np.ones((len(draws), len(others)))  # that a rival dominates the sample
    for m in range(values.shape[1]):
        ahead = drawn[:, m, None] - others[:, m]
        exact = np.where(ahead >= 0, 1.0, 0.0)
        scaled = np.divide(ahead, theirs[:, m], out=np.zeros_like(ahead), where=theirs[:, m] > 0)
        probability *= np.where(theirs[:, m] > 0, ndtr(scaled), exact)
    return float(np.prod(1 - probability, axis=1).mean())
