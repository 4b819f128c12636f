"""Pareto domination, ranks, hypervolume and knee of points whose every coordinate is minimised.

Points are rows: ``[N, M]``, N points of M objectives. A point dominates another when it is no worse
in every objective and better in at least one. NaN compares with nothing, so it is refused: an
objective that is unknown must not end on a front.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]


def non_dominated(points: ArrayLike) -> NDArray[np.bool_]:
    """Which points no other point dominates; all duplicates of a front point are kept.

    Args:
        points: ``[N, M]``, N >= 0, M >= 1, minimised; infinities are ordered as usual.

    Returns:
        Mask ``[N]``.

    Raises:
        ValueError: not a matrix with at least one column, or NaN in it.
    """
    return _front(checked(points))


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
    """Non-dominated sorting: 0 on the front, 1 on the front of the rest, and so on.

    Args:
        points: ``[N, M]``, minimised.

    Returns:
        Ranks ``[N]``, without gaps.

    Raises:
        ValueError: as :func:`non_dominated`.

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
    values = checked(points)
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
    values = checked(points)
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
    values = checked(points)
    best = values.min(axis=0)
    span = values.max(axis=0) - best
    scaled: Points = np.divide(values - best, span, out=np.zeros_like(values), where=span > 0)
    return scaled


def checked(points: ArrayLike) -> Points:
    """Points as a matrix.

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
