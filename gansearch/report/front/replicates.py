"""Trainings of one configuration as one point: means over their seeds, with intervals.

The mean over K completed trainings has a 95% interval by Student's t, which covers variation of
their seeds. If the trainings were rescored, each counts with the mean of its scores, so the
interval covers variation of both seeds and latents. Trainings that diverged, ran out of memory or
were stopped have no values; the failure rate is reported beside the mean of the completed ones.

If trainings of one configuration scatter more than their standard errors explain, the standard
errors of all points are enlarged by the Birge ratio (:mod:`gansearch.report.front.noise`).
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from gansearch.metrics.catalog import METRICS
from gansearch.record import CONFIGURATION_FAILURES, TrialRecord
from gansearch.report.front.estimates import (
    Estimate,
    Interval,
    check_protocols,
    estimate_of,
    is_complete,
    scores_of,
)
from gansearch.report.front.noise import (
    ERROR,
    birge_ratio,
    error_of_mean,
    pooled_relative_deviation,
)


def estimates_of(
    trials: Iterable[TrialRecord],
    full_kimg: float,
    rescored: Collection[int] = (),
    metrics: Collection[str] = (),
    *,
    enlarged: bool = True,
) -> dict[int, Estimate]:
    """Compute each configuration's estimate, by the number of its first trial that counts.

    Trials that completed the full budget count, one per seed. If some trials of a configuration
    were rescored, only those count.

    Args:
        trials: trials of a study.
        full_kimg: the full budget.
        rescored: numbers of the rescored trials; if empty, estimates come from reports alone.
        metrics: metrics by which configurations are compared.
        enlarged: whether standard errors are enlarged by the Birge ratio; otherwise they are those
            that the reports state.

    Raises:
        ProtocolError: two trainings of a configuration were evaluated under different protocols.
    """
    alike: dict[str, list[TrialRecord]] = {}
    for trial in trials:
        alike.setdefault(trial.configuration, []).append(trial)
    groups = []
    for group in alike.values():
        done = [trial for trial in group if is_complete(trial, full_kimg)]
        counted = [trial for trial in done if trial.number in rescored] or done
        if counted:
            chosen = tuple({trial.seed: trial for trial in counted}.values())
            groups.append((chosen, sum(trial.outcome in CONFIGURATION_FAILURES for trial in group)))
    deviations = _relative_deviations(trial for chosen, _ in groups for trial in chosen)
    found: dict[int, list[Estimate]] = {}
    for chosen, failures in groups:
        each = {
            t.number: estimate_of(t, rescored=bool(rescored), deviations=deviations) for t in chosen
        }
        check_protocols(metrics, each)
        found[chosen[0].number] = [
            replace(s, trainings=chosen, failures=failures) for s in each.values()
        ]
    ratios = _ratios(found.values()) if enlarged else {}
    return {number: _mean(each, ratios) for number, each in sorted(found.items())}


def _relative_deviations(trials: Iterable[TrialRecord]) -> dict[str, float]:
    """Return the relative standard deviations of scores over latents, pooled over all trials."""
    scores: dict[str, list[Sequence[float]]] = {}
    for trial in trials:
        for metric, score in scores_of(trial).items():
            scores.setdefault(metric, []).append(score.values)
    return {metric: pooled_relative_deviation(values) for metric, values in scores.items()}


def _ratios(points: Iterable[Sequence[Estimate]]) -> dict[str, float]:
    """Return the Birge ratio of each metric, from all repeated configurations."""
    repeated = [each for each in points if len(each) > 1]
    names = (
        set.intersection(*(set(s.errors) for each in repeated for s in each)) if repeated else ()
    )
    return {
        name: birge_ratio(
            ([s.report.metrics[name] for s in each], [s.errors[name] for s in each])
            for each in repeated
        )
        for name in names
    }


def _mean(estimates: Sequence[Estimate], ratios: Mapping[str, float]) -> Estimate:
    """Return the mean of one or several estimates, in the metrics that all of them have."""
    first = estimates[0]
    reports = [each.report.metrics for each in estimates]
    common = [name for name in reports[0] if all(name in metrics for metrics in reports)]
    values = {name: [metrics[name] for metrics in reports] for name in common}
    means = {name: statistics.fmean(each) for name, each in values.items()}
    errors = {
        name: ratios.get(name, 1.0) * error_of_mean([s.errors.get(name, 0.0) for s in estimates])
        for name in first.errors
        if name in means
    }
    if len(estimates) > 1:
        intervals = {name: Interval.of(each) for name, each in values.items() if name in METRICS}
    else:
        reported = {
            n: Interval.of_error(means[n], e) for n, e in errors.items() if n + ERROR in means
        }
        intervals = {**reported, **first.intervals}
    report = replace(first.report, metrics=means)
    return replace(first, report=report, intervals=intervals, errors=errors)
