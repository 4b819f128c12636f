"""Standard errors of measured costs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from gansearch.metrics.catalog import METRICS
from gansearch.record import Report
from gansearch.report.front.noise import ERROR, pooled_relative_deviation

Array = NDArray[np.float64]


def at_full_budget(report: Report, metric: str, max_kimg: float) -> tuple[float, float]:
    """Extrapolate a metric's value and standard error in a report to the full budget.

    A cumulative metric is its rate so far times the budget. Any other is taken unchanged. The error
    is 0 if the report has none.

    Raises:
        KeyError: the report lacks the metric.
    """
    factor = max_kimg / report.kimg if METRICS[metric].cumulative else 1.0
    error = report.metrics.get(metric + ERROR, 0.0)
    return report.metrics[metric] * factor, error * factor


def standard_errors(values: Array, measured: Array, scatter: Array) -> Array:
    """Return the standard errors of measured values.

    Each is the larger of the measurement's own error and of the scatter between repeats.

    Args:
        values: values of M costs ``[N, M]``.
        measured: measured standard errors ``[N, M]``, 0 if unknown.
        scatter: result of :func:`relative_scatter` ``[M]``.

    Returns:
        ``[N, M]``, at least 0.
    """
    errors: Array = np.maximum(measured, scatter * np.abs(values))
    return errors


def relative_scatter(values: Array, groups: Sequence[Hashable]) -> Array:
    """Return the pooled relative standard deviation ``[M]`` of repeats; 0 without repeats.

    Args:
        values: ``[N, M]``.
        groups: key of each row; rows with equal keys are repeats.
    """
    rows: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    repeats = [values[indices].T.tolist() for indices in rows.values() if len(indices) > 1]
    columns = zip(*repeats, strict=True) if repeats else [()] * values.shape[1]
    return np.array([pooled_relative_deviation(column) for column in columns])
