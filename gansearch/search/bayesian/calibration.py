"""How far ends are from what a process predicts, against how far it says that they may be."""

from __future__ import annotations

import numpy as np

from gansearch.search.bayesian.gaussian import Array, Gaussian, Indices

SUPPOSED, WEIGHT = 2.0, 4.0
"""Standardised residual that is supposed before an end is known, and how many ends it counts as."""


def inflation(process: Gaussian, trials: Indices) -> Array:
    """Factors of the deviations of ends, by the furthest rung that is known of a trial ``[R - 1]``.

    Each trial whose end is known is predicted as it would have been at each earlier rung: from all
    other trials' values and its own up to there. A factor is the root mean square of the residuals
    at a rung, in units of the predicted deviations, with :data:`WEIGHT` more of :data:`SUPPOSED`,
    and at least 1: a process that was fitted to few curves is surer than it should be.

    Args:
        process: given values.
        trials: that the values are of ``[V]``.

    Source: Rasmussen, Williams 2006, Gaussian Processes for Machine Learning, 5.4.2, on predictions
    without a part of the values from the inverse of the covariance.
    """
    last = process.kernel.last
    squares = np.full(last, WEIGHT * SUPPOSED**2)
    counts = np.full(last, WEIGHT)
    inverse, weights = process.inverse, process.weights
    for end in np.flatnonzero(process.rungs == last):
        own = np.flatnonzero(trials == trials[end])
        for rung in process.rungs[own][process.rungs[own] < last]:
            later = own[process.rungs[own] > rung]
            covariance = np.linalg.inv(inverse[np.ix_(later, later)])
            at = int(np.flatnonzero(later == end)[0])
            squares[rung] += (covariance[at] @ weights[later]) ** 2 / covariance[at, at]
            counts[rung] += 1
    found: Array = np.sqrt(np.maximum(squares / counts, 1.0))
    return found
