"""Calibration of predictive deviations by leave-out residuals of final values."""

from __future__ import annotations

import numpy as np

from gansearch.search.bayesian.gp import GaussianProcess
from gansearch.search.bayesian.kernel import Array, Indices

PRIOR_RESIDUAL = 2.0
"""Prior root mean square of standardised residuals; above 1, because a process that is fitted to
few curves is overconfident."""
PRIOR_WEIGHT = 4.0
"""Weight of the prior, as a number of residuals."""


def inflation_factors(process: GaussianProcess, trials: Indices) -> Array:
    """Return factors ``[R - 1]`` of the final values' deviations, by a trial's last known rung.

    Each trial with a known final value is predicted at each earlier rung, from all other trials'
    values and its own values up to that rung. A factor is the root mean square of the residuals at
    a rung, in units of the predicted deviations, and at least 1. :data:`PRIOR_WEIGHT` residuals of
    :data:`PRIOR_RESIDUAL` are added as a prior.

    Args:
        process: the posterior.
        trials: trial numbers of the values ``[V]``.

    Source: Rasmussen, Williams 2006, Gaussian Processes for Machine Learning, 5.4.2, on predictions
    without a part of the values from the inverse of the covariance.
    """
    last = process.kernel.last
    squares = np.full(last, PRIOR_WEIGHT * PRIOR_RESIDUAL**2)
    counts = np.full(last, PRIOR_WEIGHT)
    inverse, weights = process.inverse, process.weights
    for final in np.flatnonzero(process.rungs == last):
        own = np.flatnonzero(trials == trials[final])
        for rung in process.rungs[own][process.rungs[own] < last]:
            left_out = own[process.rungs[own] > rung]
            covariance = np.linalg.inv(inverse[np.ix_(left_out, left_out)])
            index = int(np.flatnonzero(left_out == final)[0])
            residual = covariance[index] @ weights[left_out]
            squares[rung] += residual**2 / covariance[index, index]
            counts[rung] += 1
    factors: Array = np.sqrt(np.maximum(squares / counts, 1.0))
    return factors
