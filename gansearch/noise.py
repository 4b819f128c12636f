"""Noise of what trials report: the standard error of each value, in its own unit.

A report holds it as ``<metric>_error`` beside the metric. A quality without one is measured on few
samples of one seed of latents, by which it is taken to move by :data:`QUALITY_SHARE`. Every other
metric without one is taken to be exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from gansearch.metrics.catalog import METRICS
from gansearch.uncertainty import SIGNIFICANT

ERROR = "_error"
"""What a metric's name is followed by in that of its standard error."""

QUALITY_SHARE = 0.05
"""Half the 95% interval of a quality whose standard error is not known, as a share of its value."""


def by_latents(metric: str) -> bool:
    """Whether a metric is a quality that other latents would give another value."""
    return METRICS[metric].kind == "quality" and not METRICS[metric].of_variant


def standard_error(metric: str, metrics: Mapping[str, float]) -> float:
    """The standard error of one training's value.

    Args:
        metric: of the catalog.
        metrics: of a report, the metric itself among them.
    """
    if (own := metrics.get(metric + ERROR)) is not None:
        return own
    share = QUALITY_SHARE / SIGNIFICANT if by_latents(metric) else 0.0
    return share * abs(metrics[metric])


def pooled_share(groups: Iterable[Sequence[float]]) -> float:
    """Relative standard deviation of single values, pooled over groups that repeat each other.

    A few repeats of one thing may agree by luck; all of a study's together hardly do. Groups weigh
    by their number of values less 1; without any group of two, 0.
    """
    squares, freedom = 0.0, 0
    for values in groups:
        mean = sum(values) / len(values)
        if len(values) > 1 and mean:
            squares += sum((value / mean - 1) ** 2 for value in values)
            freedom += len(values) - 1
    return math.sqrt(squares / freedom) if freedom else 0.0


def error_of_mean(errors: Sequence[float]) -> float:
    """The standard error of the mean of independent values, at least one, that have these."""
    return math.hypot(*errors) / len(errors)


def birge_ratio(groups: Iterable[tuple[Sequence[float], Sequence[float]]]) -> float:
    """By how much repeated values scatter more than their standard errors say; at least 1.

    It is the root of the weighted mean of s² / e² over the groups: of the variance of a group's
    values to the mean square of their standard errors, weighted by their number less 1.

    Args:
        groups: values that repeat each other, and the standard error of each; at least one a group.
            Groups of one value tell nothing, nor do those without any error.

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
