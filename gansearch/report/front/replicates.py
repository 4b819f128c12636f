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
from gansearch.record import LOST, TrialRecord
from gansearch.report.front.noise import ERROR, birge_ratio, error_of_mean, pooled_share
from gansearch.report.front.standing import (
    Interval,
    Standing,
    check_protocols,
    is_complete,
    scores_of,
    standing,
)


def standings_of(
    trials: Iterable[TrialRecord],
    full_kimg: float,
    scored: Collection[int] = (),
    metrics: Collection[str] = (),
    *,
    enlarged: bool = True,
) -> dict[int, Standing]:
    """Compute each configuration's standing, by the number of its first trial that counts.

    Trials that completed the full budget count, one per seed. If some trials of a configuration
    were rescored, only those count.

    Args:
        trials: trials of a study.
        full_kimg: the full budget.
        scored: numbers of the rescored trials; if empty, standings come from reports alone.
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
        counted = [trial for trial in done if trial.number in scored] or done
        if counted:
            chosen = tuple({trial.seed: trial for trial in counted}.values())
            groups.append((chosen, sum(trial.outcome in LOST for trial in group)))
    shares = _shares(trial for chosen, _ in groups for trial in chosen)
    found: dict[int, list[Standing]] = {}
    for chosen, lost in groups:
        each = {t.number: standing(t, scored=bool(scored), shares=shares) for t in chosen}
        check_protocols(metrics, each)
        found[chosen[0].number] = [replace(s, trainings=chosen, lost=lost) for s in each.values()]
    ratios = _ratios(found.values()) if enlarged else {}
    return {number: _pooled(each, ratios) for number, each in sorted(found.items())}


def _shares(trials: Iterable[TrialRecord]) -> dict[str, float]:
    """Relative standard deviations of scores over latents, pooled over all trials."""
    scores: dict[str, list[Sequence[float]]] = {}
    for trial in trials:
        for metric, score in scores_of(trial).items():
            scores.setdefault(metric, []).append(score.values)
    return {metric: pooled_share(values) for metric, values in scores.items()}


def _ratios(points: Iterable[Sequence[Standing]]) -> dict[str, float]:
    """Ratios by which trainings scatter more than their standard errors explain, by metric."""
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


def _pooled(standings: Sequence[Standing], ratios: Mapping[str, float]) -> Standing:
    """Average one or several trainings, in every metric that all of them have."""
    first = standings[0]
    reports = [each.report.metrics for each in standings]
    common = [name for name in reports[0] if all(name in metrics for metrics in reports)]
    values = {name: [metrics[name] for metrics in reports] for name in common}
    means = {name: statistics.fmean(each) for name, each in values.items()}
    errors = {
        name: ratios.get(name, 1.0) * error_of_mean([s.errors.get(name, 0.0) for s in standings])
        for name in first.errors
        if name in means
    }
    if len(standings) > 1:
        intervals = {name: Interval.of(each) for name, each in values.items() if name in METRICS}
    else:
        reported = {
            n: Interval.of_error(means[n], e) for n, e in errors.items() if n + ERROR in means
        }
        intervals = {**reported, **first.intervals}
    report = replace(first.report, metrics=means)
    return replace(first, report=report, intervals=intervals, errors=errors)
