"""Pareto domination, ranks, hypervolume and knee of points; every coordinate is minimised.

Points are rows: ``[N, M]``, N points of M objectives. A point dominates another if it is no worse
in every objective and better in at least one. NaN is refused because it compares with nothing: a
point with an unknown objective must not be on a front.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]


def non_dominated(points: ArrayLike) -> NDArray[np.bool_]:
    """Find the non-dominated points; all duplicates of a front point are kept.

    Args:
        points: ``[N, M]``, N >= 0, M >= 1, minimised; infinities are ordered as usual.

    Returns:
        Mask ``[N]``.

    Raises:
        ValueError: not a matrix with at least one column, or NaN in it.
    """
    return _front(checked(points))


def near_front(points: ArrayLike, slack: ArrayLike) -> NDArray[np.bool_]:
    """Find the points that would be non-dominated if they alone improved by ``slack``.

    They include the whole front, and nothing else if the slack is 0.

    Args:
        points: ``[N, M]``, minimised.
        slack: reduction of a point's objectives, at least 0; broadcasts to ``[N, M]``.

    Returns:
        Mask ``[N]``.

    Raises:
        ValueError: as in :func:`non_dominated`.
    """
    values = checked(points)
    better = values - np.broadcast_to(np.asarray(slack, dtype=np.float64), values.shape)
    return np.array(
        [
            not ((values <= point).all(axis=1) & (values < point).any(axis=1)).any()
            for point in better
        ],
        dtype=np.bool_,
    )


def ranks(points: ArrayLike) -> NDArray[np.int64]:
    """Sort points by non-domination: 0 on the front, 1 on the front of the rest, and so on.

    Args:
        points: ``[N, M]``, minimised.

    Returns:
        Ranks ``[N]``, without gaps.

    Raises:
        ValueError: as in :func:`non_dominated`.

    Source: Deb et al. 2002, A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, III-A.
    """
    values = checked(points)
    found = np.full(len(values), -1, dtype=np.int64)
    rank = 0
    while (rest := np.flatnonzero(found < 0)).size:
        found[rest[_front(values[rest])]] = rank
        rank += 1
    return found


def hypervolume(points: ArrayLike, reference: ArrayLike) -> float:
    """Compute the exact volume between the points and ``reference`` that the points dominate.

    Points that are not better than the reference point in every objective add nothing.

    Args:
        points: ``[N, M]``, minimised, N >= 0.
        reference: reference point ``[M]``, finite.

    Returns:
        Hypervolume, at least 0, in the product of the objectives' units.

    Raises:
        ValueError: as in :func:`non_dominated`; a reference point of another length or not finite;
            a point at minus infinity.

    Source: While, Bradstreet, Barone 2012, A Fast Way of Calculating Exact Hypervolumes (WFG): the
    volume is a sum of exclusive volumes. With points ordered from worst to best in one objective,
    each is a slice with one dimension less.
    """
    values = checked(points)
    bound = np.asarray(reference, dtype=np.float64)
    if bound.shape != (values.shape[1],) or not np.isfinite(bound).all():
        raise ValueError(f"reference {reference!r} is not {values.shape[1]} finite numbers")
    inside = values[(values < bound).all(axis=1)]
    if np.isneginf(inside).any():
        raise ValueError("a point at minus infinity has no finite hypervolume")
    return _volume(inside[_front(inside)], bound)


def knee(points: ArrayLike) -> int:
    """Return the front point with the best compromise between the objectives.

    Each objective is scaled to [0, 1] between its best and worst value on the front; constant ones
    are ignored. The knee is the point furthest below the hyperplane Σx = 1, which in two objectives
    is the line through the front's extremes. Ties (up to rounding; on a straight or concave front
    the extremes tie) are broken by the worst scaled objective, then by the order of the points.

    Args:
        points: ``[N, M]``, finite, minimised, N >= 1; dominated points are never the knee.

    Returns:
        Index of the knee in ``points``.

    Raises:
        ValueError: as in :func:`non_dominated`; no points, or infinite ones.

    Source: Das 1999, On Characterizing the "Knee" of the Pareto Curve Based on Normal-Boundary
    Intersection.
    """
    values = checked(points)
    if not len(values) or not np.isfinite(values).all():
        raise ValueError(f"a knee needs at least one point, all of them finite, not {points!r}")
    front = np.flatnonzero(_front(values))
    scaled = normalise(values[front])
    # Rounded, so that exact ties remain ties at any scale of the objectives.
    above = np.round(scaled.sum(axis=1), 9)
    return int(front[np.lexsort((np.round(scaled.max(axis=1), 9), above))[0]])


def normalise(points: ArrayLike) -> Points:
    """Scale each objective to [0, 1] between its best and worst value; constant ones become 0.

    Args:
        points: ``[N, M]``, finite, N >= 1.

    Raises:
        ValueError: as in :func:`non_dominated`.
    """
    values = checked(points)
    best = values.min(axis=0)
    span = values.max(axis=0) - best
    scaled: Points = np.divide(values - best, span, out=np.zeros_like(values), where=span > 0)
    return scaled


def checked(points: ArrayLike) -> Points:
    """Convert points to a matrix.

    Raises:
        ValueError: not a matrix with at least one column, or NaN in it.
    """
    values = np.asarray(points, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(f"points of shape {values.shape} are not a matrix [N, M] with M >= 1")
    if np.isnan(values).any():
        rows = np.flatnonzero(np.isnan(values).any(axis=1)).tolist()
        raise ValueError(f"NaN in points {rows}")
    return values


def _front(values: Points) -> NDArray[np.bool_]:
    mask = np.ones(len(values), dtype=np.bool_)
    # In lexicographic order a point follows all points that dominate it, so each point that is
    # still unmarked at its turn is on the front. The loop computes once per front point.
    for i in np.lexsort(values.T[::-1]):
        if mask[i]:
            worse = (values >= values[i]).all(axis=1) & (values > values[i]).any(axis=1)
            mask &= ~worse
    return mask


def _volume(front: Points, reference: Points) -> float:
    """Hypervolume of points that are better than ``reference`` in every objective."""
    if not len(front):
        return 0.0
    if front.shape[1] == 1:
        return float(reference[0] - front.min())
    if front.shape[1] == 2:
        return _area(front, reference)
    front = front[np.argsort(-front[:, -1], kind="stable")]
    total = 0.0
    for i, point in enumerate(front):
        # Part of the later points, which are better in the last objective, inside this one's box:
        # [N-i-1, M-1].
        shared = np.maximum(front[i + 1 :, :-1], point[:-1])
        box = float(np.prod(reference[:-1] - point[:-1]))
        exclusive = box - _volume(shared[_front(shared)], reference[:-1])
        total += float(reference[-1] - point[-1]) * exclusive
    return total


def _area(front: Points, reference: Points) -> float:
    front = front[np.lexsort((front[:, 1], front[:, 0]))]
    lowest = np.minimum.accumulate(front[:, 1])
    right = np.append(front[1:, 0], reference[0])
    return float(np.sum((right - front[:, 0]) * (reference[1] - lowest)))
