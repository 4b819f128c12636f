"""Trainings of one configuration as one point: means over their seeds, with intervals.

A mean over K trainings that completed has a 95% interval by Student's t over their seeds: how far
it would move with others. Where the trainings were scored again, each counts with the mean of its
scores, so that the interval has the chance of both. Trainings that were lost have no values. Their
share is told beside the mean, which is that of the trainings that succeed.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from gansearch.metrics.catalog import METRICS
from gansearch.record import LOST, TrialRecord
from gansearch.report.standing import Interval, Standing, check_protocols, is_complete, standing


def standings_of(
    trials: Iterable[TrialRecord],
    full_kimg: float,
    scored: Collection[int] = (),
    metrics: Collection[str] = (),
) -> dict[int, Standing]:
    """What each configuration is ranked by, by the number of the first of its trials that counts.

    Those count that completed the full budget, one of each seed. Where some of a configuration's
    were scored again, the others do not count.

    Args:
        trials: of a study.
        full_kimg: the full budget.
        scored: numbers of the trials that were scored again; none ranks by reports alone.
        metrics: that configurations are compared by.

    Raises:
        ProtocolError: two trainings of a configuration were measured under different protocols.
    """
    alike: dict[str, list[TrialRecord]] = {}
    for trial in trials:
        alike.setdefault(trial.configuration, []).append(trial)
    found = {}
    for group in alike.values():
        done = [trial for trial in group if is_complete(trial, full_kimg)]
        counted = [trial for trial in done if trial.number in scored] or done
        if counted:
            chosen = tuple({trial.seed: trial for trial in counted}.values())
            standings = {t.number: standing(t, scored=bool(scored)) for t in chosen}
            check_protocols(metrics, standings)
            lost = sum(trial.outcome in LOST for trial in group)
            pooled = _pooled(list(standings.values()))
            found[chosen[0].number] = replace(pooled, trainings=chosen, lost=lost)
    return dict(sorted(found.items()))


def _pooled(standings: Sequence[Standing]) -> Standing:
    """The mean of one training or several, in every metric that all of them have."""
    first, *others = standings
    if not others:
        return first
    reports = [each.report.metrics for each in standings]
    common = [name for name in reports[0] if all(name in metrics for metrics in reports)]
    values = {name: [metrics[name] for metrics in reports] for name in common}
    means = {name: statistics.fmean(each) for name, each in values.items()}
    intervals = {name: Interval.of(each) for name, each in values.items() if name in METRICS}
    return replace(first, report=replace(first.report, metrics=means), intervals=intervals)
