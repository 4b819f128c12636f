"""Configurations of a study as changes from a baseline on the same seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gansearch.errors import StudyError, UsageError
from gansearch.metrics.catalog import METRICS
from gansearch.record import StudyRecord, TrialRecord
from gansearch.report.front.estimates import check_protocols, estimate_of, is_complete, last_report
from gansearch.space import Space

if TYPE_CHECKING:
    from gansearch.settings import Params, Scalar

COSTS = ("seconds_per_kimg", "peak_memory_mib", "params_m", "gmacs")
"""Metrics to compare besides the study's qualities."""


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation over seeds.

    Attributes:
        mean: mean over the seeds.
        deviation: standard deviation (n - 1), or ``None`` for a single seed.
    """

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Compute the spread of at least one value."""
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return cls(statistics.fmean(values), deviation)


@dataclass(frozen=True)
class Configuration:
    """Trainings that differ in their seed alone.

    Attributes:
        params: sampled parameters without the seed.
        seeds: seeds that count.
        values: spread of each metric: measured values for the baseline; for others the change in
            percent from the baseline on the same seed, 100 (value / baseline - 1).
    """

    params: Params
    seeds: tuple[int, ...]
    values: Mapping[str, Spread]


@dataclass(frozen=True)
class Comparison:
    """Configurations of a study as changes from one of them.

    Attributes:
        metrics: compared metrics, the study's qualities first.
        varied: parameters in which the configurations differ.
        baseline: the baseline over all its seeds.
        others: other configurations over the seeds shared with the baseline, in order of the first
            metric.
        unmatched: configurations that completed on none of the baseline's seeds.
    """

    metrics: tuple[str, ...]
    varied: tuple[str, ...]
    baseline: Configuration
    others: tuple[Configuration, ...]
    unmatched: tuple[Params, ...]


def compare(space: Space, record: StudyRecord, baseline: Mapping[str, str]) -> Comparison:
    """Compare a study's configurations with one of them, seed by seed.

    Args:
        space: space of the study; a ``seed`` among its parameters repeats configurations.
        record: record of the study. Trials that completed the full budget count, except those whose
            parameters changed during training.
        baseline: parameters and values, as text, that match exactly one configuration.

    Raises:
        UsageError: no configuration matches the baseline, or several do.
        StudyError: no other configuration completed on a seed of the baseline.
        ProtocolError: a quality was evaluated under different protocols.
    """
    full = space.budget.max_kimg
    trials = [t for t in record.trials if is_complete(t, full) and not t.lineage]
    qualities = [o.metric for o in space.objectives if METRICS[o.metric].kind == "quality"]
    check_protocols(qualities, {t.number: estimate_of(t, rescored=False) for t in trials})
    metrics = tuple(
        m for m in (*qualities, *COSTS) if all(m in last_report(t).metrics for t in trials)
    )
    groups = _groups(trials)
    chosen = _baseline(groups, baseline)
    others = [_changes(chosen, group, metrics) for group in groups if group is not chosen]
    matched = [other for other in others if other.seeds]
    if not matched:
        raise StudyError(
            f"{record.name}: nothing else has completed on a seed of the baseline's; a seed among "
            "the parameters, such as seed: [0, 1, 2], repeats configurations"
        )
    return Comparison(
        metrics=metrics,
        varied=_varied(groups),
        baseline=_values(chosen, metrics),
        others=tuple(sorted(matched, key=lambda other: other.values[metrics[0]].mean)),
        unmatched=tuple(other.params for other in others if not other.seeds),
    )


@dataclass(frozen=True)
class _Group:
    """Completed trials of one configuration, by seed."""

    params: Params
    trials: dict[int, TrialRecord]


def _groups(trials: Iterable[TrialRecord]) -> list[_Group]:
    found: dict[str, _Group] = {}
    for trial in trials:
        params = {name: value for name, value in sorted(trial.params.items()) if name != "seed"}
        group = found.setdefault(trial.configuration, _Group(params, {}))
        group.trials[trial.seed] = trial
    return list(found.values())


def _baseline(groups: Sequence[_Group], wanted: Mapping[str, str]) -> _Group:
    text = " ".join(f"{name}={value}" for name, value in wanted.items())
    fitting = [
        group
        for group in groups
        if all(_same(group.params.get(name), value) for name, value in wanted.items())
    ]
    if len(fitting) == 1:
        return fitting[0]
    known = "; ".join(_words(group.params, _varied(groups)) for group in fitting or groups)
    problem = "several configurations have" if fitting else "no configuration completed with"
    raise UsageError(f"baseline {text}: {problem} it; there are: {known or 'none'}")


def _same(value: Scalar | None, text: str) -> bool:
    return str(value).lower() == text.lower()


def _words(params: Params, names: Iterable[str]) -> str:
    return " ".join(f"{name}={params[name]}" for name in names if name in params)


def _varied(groups: Sequence[_Group]) -> tuple[str, ...]:
    names = dict.fromkeys(name for group in groups for name in group.params)
    return tuple(n for n in names if len({group.params.get(n) for group in groups}) > 1)


def _values(group: _Group, metrics: Iterable[str]) -> Configuration:
    reports = [last_report(trial) for trial in group.trials.values()]
    values = {metric: Spread.of([r.metrics[metric] for r in reports]) for metric in metrics}
    return Configuration(group.params, tuple(sorted(group.trials)), values)


def _changes(baseline: _Group, group: _Group, metrics: Iterable[str]) -> Configuration:
    seeds = sorted(baseline.trials.keys() & group.trials.keys())
    pairs = [
        (last_report(group.trials[s]).metrics, last_report(baseline.trials[s]).metrics)
        for s in seeds
    ]
    values = {
        metric: Spread.of([100 * (mine[metric] / base[metric] - 1) for mine, base in pairs])
        for metric in metrics
        if pairs
    }
    return Configuration(group.params, tuple(seeds), values)
