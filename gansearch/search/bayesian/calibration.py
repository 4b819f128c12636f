"""Calibration of predictive deviations by leave-out residuals of final values."""

from __future__ import annotations

import numpy as np

from gansearch.search.bayesian.gp import Gaussian
from gansearch.search.bayesian.kernel import Array, Indices

SUPPOSED, WEIGHT = 2.0, 4.0
"""Prior standardised residual, and its weight as a number of final values."""


def inflation(process: Gaussian, trials: Indices) -> Array:
    """Return factors ``[R - 1]`` of the final values' deviations, by a trial's last known rung.

    Each trial with a known final value is predicted at each earlier rung, from all other trials'
    values and its own values up to that rung. A factor is the root mean square of the residuals at
    a rung, in units of the predicted deviations, and at least 1. :data:`WEIGHT` residuals of
    :data:`SUPPOSED` are added as a prior, because a process that is fitted to few curves is
    overconfident.

    Args:
        process: the posterior.
        trials: trial numbers of the values ``[V]``.

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
