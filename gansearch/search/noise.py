"""How far a measured cost may be from what the same measurement would give again."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from gansearch.metrics.catalog import METRICS
from gansearch.noise import ERROR, pooled_share
from gansearch.record import Report

Array = NDArray[np.float64]


def at_full_budget(report: Report, metric: str, max_kimg: float) -> tuple[float, float]:
    """A metric's value and standard error at the full budget, as far as a report tells them.

    What adds up over the training is its rate so far times the budget; everything else is taken as
    it is. The error is 0 where the report has none.

    Raises:
        KeyError: the report has no such metric.
    """
    factor = max_kimg / report.kimg if METRICS[metric].cumulative else 1.0
    error = report.metrics.get(metric + ERROR, 0.0)
    return report.metrics[metric] * factor, error * factor


def standard_errors(values: Array, own: Array, scatter: Array) -> Array:
    """The standard error of each of some measured values.

    It is the larger of the measurement's own and of the scatter between repeats.

    Args:
        values: ``[N, M]``, of M costs.
        own: standard errors that came with them ``[N, M]``, 0 where there was none.
        scatter: by :func:`relative_scatter` ``[M]``.

    Returns:
        ``[N, M]``, at least 0.
    """
    found: Array = np.maximum(own, scatter * np.abs(values))
    return found


def relative_scatter(values: Array, groups: Sequence[Hashable]) -> Array:
    """Pooled relative standard deviation ``[M]`` between repeats; 0 where nothing was repeated.

    Args:
        values: ``[N, M]``.
        groups: what was measured in each row; equal ones are repeats.
    """
    rows: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    repeats = [values[places].T.tolist() for places in rows.values() if len(places) > 1]
    columns = zip(*repeats, strict=True) if repeats else [()] * values.shape[1]
    return np.array([pooled_share(column) for column in columns])
