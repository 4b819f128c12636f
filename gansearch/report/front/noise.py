"""Standard errors of reported values, in the values' units.

A report holds the standard error of a metric as ``<metric>_error``. A quality without one was
evaluated on few samples with a single seed of latents; its noise is taken from
:data:`QUALITY_TOLERANCE`. Other metrics without one count as exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from gansearch.metrics.catalog import METRICS
from gansearch.report.front.uncertainty import NORMAL_QUANTILE

ERROR = "_error"
"""Suffix of the name of a metric's standard error, as in ``fid_error``."""

QUALITY_TOLERANCE = 0.05
"""Half the 95% interval of a quality with unknown standard error, relative to its value."""


def by_latents(metric: str) -> bool:
    """Whether a metric is a quality whose value depends on the latents."""
    return METRICS[metric].kind == "quality" and not METRICS[metric].of_variant


def standard_error(metric: str, metrics: Mapping[str, float]) -> float:
    """Return the standard error of one training's value.

    Args:
        metric: a metric of the catalog.
        metrics: metrics of a report, with this metric.
    """
    if (own := metrics.get(metric + ERROR)) is not None:
        return own
    relative = QUALITY_TOLERANCE / NORMAL_QUANTILE if by_latents(metric) else 0.0
    return relative * abs(metrics[metric])


def pooled_relative_deviation(groups: Iterable[Sequence[float]]) -> float:
    """Compute the relative standard deviation of single values, pooled over groups of repeats.

    Few repeats may scatter too little, so all repeats of a study are pooled. Groups are weighted by
    their number of values minus 1. Without a group of at least two values it is 0.
    """
    squares, freedom = 0.0, 0
    for values in groups:
        mean = sum(values) / len(values)
        if len(values) > 1 and mean:
            squares += sum((value / mean - 1) ** 2 for value in values)
            freedom += len(values) - 1
    return math.sqrt(squares / freedom) if freedom else 0.0


def error_of_mean(errors: Sequence[float]) -> float:
    """Return the standard error of the mean of independent values, from theirs (at least one)."""
    return math.hypot(*errors) / len(errors)


def birge_ratio(groups: Iterable[tuple[Sequence[float], Sequence[float]]]) -> float:
    """Compute the ratio of repeated values' scatter to their standard errors; at least 1.

    It is the root of a weighted mean over groups of s² / e², the variance of a group's values over
    the mean square of their standard errors. The weights are the number of values minus 1.

    Args:
        groups: repeated values and their standard errors, at least one per group. Groups of one
            value, and groups without any error, are ignored.

    Source: Birge 1932, The Calculation of Errors by the Method of Least Squares; the Particle Data
    Group scales errors by it.
    """
    squares, freedom = 0.0, 0
    for values, errors in groups:
        stated = sum(error**2 for error in errors) / len(errors)
        if len(values) > 1 and stated > 0:
            mean = sum(values) / len(values)
            squares += sum((value - mean) ** 2 for value in values) / stated
            freedom += len(values) - 1
    return max(1.0, math.sqrt(squares / freedom)) if freedom else 1.0
