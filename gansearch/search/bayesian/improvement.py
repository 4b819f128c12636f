"""By how much a trial is expected to grow the hypervolume of a front."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Array = NDArray[np.float64]

MAX_CELLS = 1024
"""Into which the costs of a front divide what lies beyond them, at most: by rounding its values."""

LEAST = 1e-12
"""Standard deviation of what is known, beside others that are not."""


def expected_improvement(mean: Array, deviation: Array, level: Array) -> Array:
    """``E[max(0, level - y)]`` of normally distributed values; all broadcast together.

    Source: Jones, Schonlau, Welch 1998, Efficient Global Optimization of Expensive Black-Box
    Functions, equation 15.
    """
    z = (level - mean) / deviation
    found: Array = (level - mean) * ndtr(z) + deviation * np.exp(-z * z / 2) / math.sqrt(
        2 * math.pi
    )
    return found


def _expected_overlap(edges: Array, mean: Array, deviation: Array) -> Array:
    """Expected lengths ``[N, E]`` of what is above each of ``[N]`` values, between two edges.

    The values are normally distributed; the first of the edges ``[E + 1]`` is minus infinity.
    """
    if not deviation.any():
        return np.clip(edges[1:] - np.maximum(edges[:-1], mean[:, None]), 0, None)
    spread = np.maximum(deviation, LEAST)[:, None]
    return np.diff(expected_improvement(mean[:, None], spread, edges[1:]), prepend=0.0)


class Cells:
    """Into which a front divides the space of the objectives beside the first one.

    Args:
        front: ``[K, M]``, K >= 0, minimised; what is dominated or beyond the corner changes
            nothing.
        corner: up to which hypervolume counts, ``[M]``.
    """

    def __init__(self, front: Array, corner: Array) -> None:
        front = _rounded(front[(front < corner).all(axis=1)])
        edges = [
            np.append(np.unique(column), end)
            for column, end in zip(front.T[1:], corner[1:], strict=True)
        ]
        self._edges = [np.concatenate([[-np.inf], edge]) for edge in edges]
        # The best first objective in each cell; one more axis, as there may be no other objective.
        level = np.full([len(edge) - 1 for edge in self._edges] + [1], corner[0])
        cells = [np.searchsorted(e, c) for e, c in zip(self._edges, front.T[1:], strict=True)]
        np.minimum.at(level, (*cells, np.zeros(len(front), dtype=np.int64)), front[:, 0])
        for axis in range(level.ndim):  # a point is as good in every cell of higher costs
            np.minimum.accumulate(level, axis=axis, out=level)
        self._levels, cell, counts = np.unique(level, return_inverse=True, return_counts=True)
        self._order = np.argsort(cell.ravel(), kind="stable")  # of the cells, by their levels
        self._starts = np.append(0, np.cumsum(counts)[:-1])

    def improvement(self, means: Array, deviations: Array) -> Array:
        """Expected growth of the front's hypervolume by each of some trials.

        A trial's objectives are normally distributed and independent of each other. The expectation
        is then a sum over the cells, exactly: each cell's expected part that the trial dominates,
        times its expected improvement over the best first objective there.

        Args:
            means: of the objectives, ``[N, M]``, minimised.
            deviations: their standard deviations, ``[N, M]``; that of the first is above 0, one of
                0 is of an objective that is known.

        Returns:
            ``[N]``, at least 0.

        Source: Emmerich, Yang, Deutz, Wang, Fonseca 2016, A Multicriteria Generalization of
        Bayesian Global Optimization, on cells and products of expected lengths.
        """
        sizes = np.ones((len(means), 1))
        others = zip(self._edges, means.T[1:], deviations.T[1:], strict=True)
        for edge, mean, deviation in others:
            widths = _expected_overlap(edge, mean, deviation)
            sizes = (sizes[:, :, None] * widths[:, None]).reshape(len(means), -1)
        by_level = np.add.reduceat(sizes[:, self._order], self._starts, axis=1)
        gains = expected_improvement(means[:, :1], deviations[:, :1], self._levels)
        found: Array = (by_level * gains).sum(axis=1)
        return found


def _rounded(front: Array) -> Array:
    """A front with as many values of each objective as the cells allow, or two; each the nearest.

    Without some of its points, a front would have holes that promise to be filled.
    """
    most = max(2, int(MAX_CELLS ** (1 / max(1, front.shape[1] - 1))) - 1)
    found = front.copy()
    for column in found.T:
        kept = np.unique(column)
        if len(kept) > most:
            kept = kept[np.linspace(0, len(kept) - 1, most).round().astype(np.int64)]
            column[:] = kept[np.searchsorted((kept[1:] + kept[:-1]) / 2, column)]
    return found
