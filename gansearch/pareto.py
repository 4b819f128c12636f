"""Pareto domination, ranks, hypervolume and knee of points whose every coordinate is minimised.

Points are rows: ``[N, M]``, N points of M objectives. A point dominates another when it is no worse
in every objective and better in at least one. NaN compares with nothing, so it is refused: an
objective that is unknown must not end on a front.

Measured points have standard errors ``[N, M]``, 0 where a value is exact.
:func:`dominated_in_noise` and :func:`front_probability` take them into account.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]

SIGNIFICANT = 1.959963984540054
"""Standard errors of a difference beyond which it is more than noise: 95 % of a normal variable lie
within them."""

DRAWS = 1024
"""Values of a point, over which the probability of being on the front is averaged."""

BEYOND = 6.0
"""Standard errors of a difference beyond which there is no doubt of which value is the better."""


def non_dominated(points: ArrayLike) -> NDArray[np.bool_]:
    """Which points no other point dominates; all duplicates of a front point are kept.

    Args:
        points: ``[N, M]``, N >= 0, M >= 1, minimised; infinities are ordered as usual.

    Returns:
        Mask ``[N]``.

    Raises:
        ValueError: not a matrix with at least one column, or NaN in it.
    """
    return _front(_checked(points))


def near_front(points: ArrayLike, slack: ArrayLike) -> NDArray[np.bool_]:
    """Which points no other one would dominate if they alone were better by ``slack``.

    All of the front are among them: with no slack, nothing else.

    Args:
        points: ``[N, M]``, minimised.
        slack: what is taken off a point's objectives, at least 0; broadcasts to ``[N, M]``.

    Returns:
        Mask ``[N]``.

    Raises:
        ValueError: as :func:`non_dominated`.
    """
    values = _checked(points)
    better = values - np.broadcast_to(np.asarray(slack, dtype=np.float64), values.shape)
    return np.array(
        [
            not ((values <= point).all(axis=1) & (values < point).any(axis=1)).any()
            for point in better
        ],
        dtype=np.bool_,
    )


def dominated_in_noise(points: ArrayLike, errors: ArrayLike) -> NDArray[np.bool_]:
    """Which points another one dominates when a difference within the noise counts as a tie.

    The other point is better in at least one objective by more than :data:`SIGNIFICANT` standard
    errors of the difference, and worse by more than them in none. Without errors these are the
    points that are not :func:`non_dominated`. With errors the relation is not transitive, so that
    it can hold for every point of a front.

    Args:
        points: ``[N, M]``, minimised.
        errors: standard errors, at least 0; broadcasts to ``[N, M]``.

    Returns:
        Mask ``[N]``.

    Raises:
        ValueError: as :func:`non_dominated`; an error that is negative or NaN.
    """
    values = _checked(points)
    spread = _checked_errors(errors, values)
    found = np.zeros(len(values), dtype=np.bool_)
    for i, (point, error) in enumerate(zip(values, spread, strict=True)):
        noise = SIGNIFICANT * np.hypot(spread, error)
        better, worse = values < point - noise, values > point + noise
        found[i] = (better.any(axis=1) & ~worse.any(axis=1)).any()
    return found


def front_probability(points: ArrayLike, errors: ArrayLike) -> Points:
    """Probability that no other point dominates a point's true values.

    Every true value is normal about the measured one with its standard error, independently of the
    others. Given a point's own values, the probability that none of the others dominates it is
    exact: the product over them of 1 - Πₘ Φ((own - other) / error of the other). This is averaged
    over :data:`DRAWS` values of the point, a Latin hypercube that is the same in every call.

    Args:
        points: ``[N, M]``, finite, minimised.
        errors: standard errors, at least 0; broadcasts to ``[N, M]``.

    Returns:
        ``[N]``, in [0, 1]; without errors 1 on the front and 0 elsewhere.

    Raises:
        ValueError: as :func:`dominated_in_noise`.

    Source: Teich 2001, Pareto-Front Exploration with Uncertain Objectives; the Latin hypercube is
    that of McKay, Beckman, Conover 1979.
    """
    values = _checked(points)
    spread = _checked_errors(errors, values)
    own = _normal_draws(values.shape[1])
    return np.array([_stays(i, values, spread, own) for i in range(len(values))], dtype=np.float64)


def ranks(points: ArrayLike) -> NDArray[np.int64]:
    """Non-dominated sorting: 0 on the front, 1 on the front of the rest, and so on.

    Args:
        points: ``[N, M]``, minimised.

    Returns:
        Ranks ``[N]``, without gaps.

    Raises:
        ValueError: as :func:`non_dominated`.

    Source: Deb et al. 2002, A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, III-A.
    """
    values = _checked(points)
    found = np.full(len(values), -1, dtype=np.int64)
    rank = 0
    while (rest := np.flatnonzero(found < 0)).size:
        found[rest[_front(values[rest])]] = rank
        rank += 1
    return found


def hypervolume(points: ArrayLike, reference: ArrayLike) -> float:
    """Volume that the points dominate within the box that ends at ``reference``; exact.

    Points that are not better than the reference in every objective add nothing.

    Args:
        points: ``[N, M]``, minimised, N >= 0.
        reference: ``[M]``, finite.

    Returns:
        At least 0, in the product of the objectives' units.

    Raises:
        ValueError: as :func:`non_dominated`; a reference of another length or not finite; a point
            at minus infinity.

    Source: While, Bradstreet, Barone 2012, A Fast Way of Calculating Exact Hypervolumes (WFG):
    the volume is a sum of exclusive ones; taken from the worst to the best in one objective, each
    is a slice of one dimension less.
    """
    values = _checked(points)
    corner = np.asarray(reference, dtype=np.float64)
    if corner.shape != (values.shape[1],) or not np.isfinite(corner).all():
        raise ValueError(f"reference {reference!r} is not {values.shape[1]} finite numbers")
    inside = values[(values < corner).all(axis=1)]
    if np.isneginf(inside).any():
        raise ValueError("a point at minus infinity has no finite hypervolume")
    return _volume(inside[_front(inside)], corner)


def knee(points: ArrayLike) -> int:
    """The front point that gives up most of one objective for little of the others.

    On the front, each objective is scaled to [0, 1] between its best and its worst value there; one
    that does not vary is left out. The knee is the point furthest below the hyperplane through the
    corners where one objective is at its best and the others sum to one, Σx = 1: in two objectives,
    the line through the front's extremes. Points at the same distance (up to rounding; on a
    straight or concave front the extremes themselves) are told apart by their worst scaled
    objective, then by the order in which they were given.

    Args:
        points: ``[N, M]``, finite, minimised, N >= 1; dominated ones are never the knee.

    Returns:
        Its index in ``points``.

    Raises:
        ValueError: as :func:`non_dominated`; no points, or infinite ones.

    Source: Das 1999, On Characterizing the "Knee" of the Pareto Curve Based on Normal-Boundary
    Intersection.
    """
    values = _checked(points)
    if not len(values) or not np.isfinite(values).all():
        raise ValueError(f"a knee needs at least one point, all of them finite, not {points!r}")
    front = np.flatnonzero(_front(values))
    scaled = normalise(values[front])
    # Rounded, so that points that tie on paper tie here whatever the scale of the objectives.
    above = np.round(scaled.sum(axis=1), 9)
    return int(front[np.lexsort((np.round(scaled.max(axis=1), 9), above))[0]])


def normalise(points: ArrayLike) -> Points:
    """Each objective scaled to [0, 1] between its best and worst value; 0 where it does not vary.

    Args:
        points: ``[N, M]``, finite, N >= 1.

    Raises:
        ValueError: as :func:`non_dominated`.
    """
    values = _checked(points)
    best = values.min(axis=0)
    span = values.max(axis=0) - best
    scaled: Points = np.divide(values - best, span, out=np.zeros_like(values), where=span > 0)
    return scaled


def _checked(points: ArrayLike) -> Points:
    values = np.asarray(points, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(f"points of shape {values.shape} are not a matrix [N, M] with M >= 1")
    if np.isnan(values).any():
        rows = np.flatnonzero(np.isnan(values).any(axis=1)).tolist()
        raise ValueError(f"NaN in points {rows}")
    return values


def _checked_errors(errors: ArrayLike, values: Points) -> Points:
    spread: Points = np.broadcast_to(np.asarray(errors, dtype=np.float64), values.shape)
    if not (spread >= 0).all():
        raise ValueError(f"standard errors {errors!r} should be at least 0")
    return spread


def _normal_draws(dimensions: int) -> Points:
    """A Latin hypercube of :data:`DRAWS` standard normal points ``[DRAWS, dimensions]``."""
    from scipy.special import ndtri

    middles = (np.arange(DRAWS) + 0.5) / DRAWS
    random = np.random.default_rng(0)
    return np.stack([ndtri(random.permutation(middles)) for _ in range(dimensions)], axis=1)


def _stays(i: int, values: Points, spread: Points, draws: Points) -> float:
    """Probability that point ``i`` is dominated by none of the others."""
    from scipy.special import ndtr

    point, error = values[i], spread[i]
    noise = np.hypot(spread, error)
    rivals = ((values - point) <= BEYOND * noise).all(axis=1)
    rivals &= (noise > 0).any(axis=1) | (values < point).any(axis=1)  # an equal one is no better
    rivals[i] = False
    if ((values - point)[rivals] <= -BEYOND * noise[rivals]).all(axis=1).any():
        return 0.0
    others, theirs = values[rivals], spread[rivals]
    drawn = point + error * draws  # [S, M]
    probability = np.ones((len(draws), len(others)))  # that a rival dominates what was drawn
    for m in range(values.shape[1]):
        ahead = drawn[:, m, None] - others[:, m]
        exact = np.where(ahead >= 0, 1.0, 0.0)
        scaled = np.divide(ahead, theirs[:, m], out=np.zeros_like(ahead), where=theirs[:, m] > 0)
        probability *= np.where(theirs[:, m] > 0, ndtr(scaled), exact)
    return float(np.prod(1 - probability, axis=1).mean())


def _front(values: Points) -> NDArray[np.bool_]:
    mask = np.ones(len(values), dtype=np.bool_)
    # A point comes after all that dominate it in lexicographic order, so each one that is still
    # unmarked when its turn comes is on the front: the loop runs once for each front point.
    for i in np.lexsort(values.T[::-1]):
        if mask[i]:
            worse = (values >= values[i]).all(axis=1) & (values > values[i]).any(axis=1)
            mask &= ~worse
    return mask


def _volume(front: Points, corner: Points) -> float:
    """Hypervolume of points that are all better than ``corner`` in every objective."""
    if not len(front):
        return 0.0
    if front.shape[1] == 1:
        return float(corner[0] - front.min())
    if front.shape[1] == 2:
        return _area(front, corner)
    front = front[np.argsort(-front[:, -1], kind="stable")]
    total = 0.0
    for i, point in enumerate(front):
        # What the later points, better in the last objective, share with this one: [N-i-1, M-1].
        shared = np.maximum(front[i + 1 :, :-1], point[:-1])
        box = float(np.prod(corner[:-1] - point[:-1]))
        exclusive = box - _volume(shared[_front(shared)], corner[:-1])
        total += float(corner[-1] - point[-1]) * exclusive
    return total


def _area(front: Points, corner: Points) -> float:
    front = front[np.lexsort((front[:, 1], front[:, 0]))]
    lowest = np.minimum.accumulate(front[:, 1])
    right = np.append(front[1:, 0], corner[0])
    return float(np.sum((right - front[:, 0]) * (corner[1] - lowest)))
