"""Expected hypervolume improvement of a front."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Array = NDArray[np.float64]

MAX_BOXES = 1024
"""Maximum number of boxes of a decomposition; a front's values are rounded to fit."""

MIN_DEVIATION = 1e-12
"""Standard deviation that replaces 0 for an exact value among uncertain ones."""


def expected_improvement(mean: Array, deviation: Array, level: Array) -> Array:
    """Return ``E[max(0, level - y)]`` of normally distributed values; all broadcast together.

    Source: Jones, Schonlau, Welch 1998, Efficient Global Optimization of Expensive Black-Box
    Functions, equation 15.
    """
    z = (level - mean) / deviation
    improvement: Array = (level - mean) * ndtr(z) + deviation * np.exp(-z * z / 2) / math.sqrt(
        2 * math.pi
    )
    return improvement


def _expected_overlap(edges: Array, mean: Array, deviation: Array) -> Array:
    """Return the expected length ``[N, E]``, between adjacent edges, of the part above each value.

    The values ``[N]`` are normally distributed. The first of the edges ``[E + 1]`` is minus
    infinity.
    """
    if not deviation.any():
        return np.clip(edges[1:] - np.maximum(edges[:-1], mean[:, None]), 0, None)
    spread = np.maximum(deviation, MIN_DEVIATION)[:, None]
    return np.diff(expected_improvement(mean[:, None], spread, edges[1:]), prepend=0.0)


class BoxDecomposition:
    """Box decomposition, by a front, of the space of all objectives but the first.

    Args:
        front: objective vectors ``[K, M]``, K >= 0, minimised; points that are dominated or beyond
            the reference point have no effect.
        reference_point: ``[M]``.
    """

    def __init__(self, front: Array, reference_point: Array) -> None:
        front = _rounded(front[(front < reference_point).all(axis=1)])
        edges = [
            np.append(np.unique(column), bound)
            for column, bound in zip(front.T[1:], reference_point[1:], strict=True)
        ]
        self._edges = [np.concatenate([[-np.inf], edge]) for edge in edges]
        # The best first objective in each box, with one more axis in case there is no other
        # objective.
        level = np.full([len(edge) - 1 for edge in self._edges] + [1], reference_point[0])
        boxes = [np.searchsorted(e, c) for e, c in zip(self._edges, front.T[1:], strict=True)]
        np.minimum.at(level, (*boxes, np.zeros(len(front), dtype=np.int64)), front[:, 0])
        for axis in range(level.ndim):  # a point is as good in every box of higher costs
            np.minimum.accumulate(level, axis=axis, out=level)
        self._levels, box, counts = np.unique(level, return_inverse=True, return_counts=True)
        self._order = np.argsort(box.ravel(), kind="stable")  # boxes, ordered by level
        self._starts = np.append(0, np.cumsum(counts)[:-1])

    def ehvi(self, means: Array, deviations: Array) -> Array:
        """Return the expected hypervolume improvement (EHVI) of the front by each of some trials.

        A trial's objectives are normally distributed and independent. The expectation is then an
        exact sum over the boxes: the expected size of the part of a box that the trial dominates,
        times its expected improvement over the best first objective there.

        Args:
            means: means of the objectives ``[N, M]``, minimised.
            deviations: their standard deviations ``[N, M]``. Those of the first objective are above
                0; 0 means that an objective is exact.

        Returns:
            ``[N]``, at least 0.

        Source: Emmerich, Yang, Deutz, Wang, Fonseca 2016, A Multicriteria Generalization of
        Bayesian Global Optimization, on box decompositions and products of expected lengths.
        """
        sizes = np.ones((len(means), 1))
        others = zip(self._edges, means.T[1:], deviations.T[1:], strict=True)
        for edge, mean, deviation in others:
            widths = _expected_overlap(edge, mean, deviation)
            sizes = (sizes[:, :, None] * widths[:, None]).reshape(len(means), -1)
        by_level = np.add.reduceat(sizes[:, self._order], self._starts, axis=1)
        gains = expected_improvement(means[:, :1], deviations[:, :1], self._levels)
        improvement: Array = (by_level * gains).sum(axis=1)
        return improvement


def _rounded(front: Array) -> Array:
    """Round a front to as many values of each objective as the boxes allow, at least two.

    Dropping points instead would leave holes with a spurious expected improvement.
    """
    most = max(2, int(MAX_BOXES ** (1 / max(1, front.shape[1] - 1))) - 1)
    rounded = front.copy()
    for column in rounded.T:
        kept = np.unique(column)
        if len(kept) > most:
            kept = kept[np.linspace(0, len(kept) - 1, most).round().astype(np.int64)]
            column[:] = kept[np.searchsorted((kept[1:] + kept[:-1]) / 2, column)]
    return rounded
