"""What a trial is ranked by: its last report, or what its weights scored after the search.

A search measures every trial once, with few samples and the same latents. The best of many such
values is partly luck, so finalists are scored again with more samples and several seeds of latents
that the search has never used. A mean over these has a 95% confidence interval, by Student's t:
how far it would move with other latents. It says nothing of another training's seed, which several
trainings of a configuration tell of (:mod:`gansearch.report.trainings`).

A cost has the interval that follows from its standard error (:mod:`gansearch.noise`).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gansearch.errors import ProtocolError
from gansearch.metrics.catalog import METRICS
from gansearch.metrics.protocol import differences
from gansearch.noise import standard_error
from gansearch.record import Outcome, Report, Score, TrialRecord
from gansearch.uncertainty import SIGNIFICANT

CONFIDENCE = 0.95
"""Of every interval."""

RESCORING = "; `gansearch rescore STUDY` scores them alike"
"""What mends a rescoring by another protocol that was cut off halfway."""


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval.

    Attributes:
        mean: of the values.
        half: half the interval's width, at least 0; ``None`` of a single value.
    """

    mean: float
    half: float | None

    @property
    def low(self) -> float | None:
        """Its lower end."""
        return None if self.half is None else self.mean - self.half

    @property
    def high(self) -> float | None:
        """Its upper end."""
        return None if self.half is None else self.mean + self.half

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        """The mean of K independent values, at least one: mean ± t(0.975, K - 1) s / √K."""
        from scipy.special import stdtrit

        mean, count = statistics.fmean(values), len(values)
        if count < 2:
            return cls(mean, None)
        quantile = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))
        return cls(mean, quantile * statistics.stdev(values) / math.sqrt(count))

    @classmethod
    def of_error(cls, value: float, error: float) -> Interval:
        """A value with its standard error, at least 0: value ± 1.96 error."""
        return cls(value, SIGNIFICANT * error if error else None)


@dataclass(frozen=True)
class Standing:
    """What a completed trial, or several trainings of its configuration, are ranked by.

    Attributes:
        report: the last one; where the trial was scored again, with the means of its scores and
            their protocols in place of its own. Of several trainings the mean.
        intervals: by metric, of what was scored again, of what is a mean over trainings, and of
            costs that were reported with their standard errors.
        errors: standard errors by metric, of what is not exact.
        scored: the metrics that were scored again.
        trainings: that count; :func:`gansearch.report.trainings.standings_of` finds them.
        lost: the number of trainings that diverged, ran out of memory or were stopped.
    """

    report: Report
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    errors: Mapping[str, float] = field(default_factory=dict)
    scored: frozenset[str] = frozenset()
    trainings: tuple[TrialRecord, ...] = ()
    lost: int = 0

    @property
    def lost_share(self) -> float:
        """The share of trainings that were lost, of those and the ones that count."""
        return self.lost / max(1, self.lost + len(self.trainings))


def standing(
    trial: TrialRecord, *, scored: bool, shares: Mapping[str, float] | None = None
) -> Standing:
    """The standing of a completed trial.

    Args:
        trial: that completed.
        scored: whether by its scores, where it has any, or by its report alone.
        shares: relative standard deviations of single scores, by metric.
    """
    report, scores = final(trial), scores_of(trial) if scored else {}
    intervals = {metric: Interval.of(score.values) for metric, score in scores.items()}
    means = {metric: interval.mean for metric, interval in intervals.items()}
    protocols = {metric: score.protocol for metric, score in scores.items()}
    metrics = {**report.metrics, **means}
    errors = {name: standard_error(name, metrics) for name in metrics if name in METRICS}
    for metric, share in (shares or {}).items():
        if metric in scores:
            errors[metric] = share * abs(means[metric]) / math.sqrt(len(scores[metric].values))
    return Standing(
        replace(report, metrics=metrics, protocols={**report.protocols, **protocols}),
        intervals,
        errors={name: error for name, error in errors.items() if error},
        scored=frozenset(scores),
    )


def scores_of(trial: TrialRecord) -> dict[str, Score]:
    """The scores of a trial's last weights: those of earlier ones do not count."""
    return {
        metric: score
        for metric, score in trial.scores.items()
        if trial.last and math.isclose(score.kimg, trial.last.kimg)
    }


def is_complete(trial: TrialRecord, full_kimg: float) -> bool:
    """Whether a trial completed the full budget, so that it may be on a front."""
    if trial.outcome is not Outcome.COMPLETED or trial.last is None:
        return False
    return trial.last.kimg >= full_kimg or math.isclose(trial.last.kimg, full_kimg)


def final(trial: TrialRecord) -> Report:
    """The report of a completed trial at the full budget."""
    if trial.last is None:
        raise ValueError(f"trial {trial.number} has reported nothing")
    return trial.last


def check_protocols(metrics: Iterable[str], standings: Mapping[int, Standing]) -> None:
    """See that completed trials may be compared.

    Args:
        metrics: that they are compared by.
        standings: by the trial's number, what each is compared by.

    Raises:
        ProtocolError: two trials have different protocols for a metric, or both name what stands in
            for what a paper has, and it is not the same.
    """
    protocols = {number: standing.report.protocols for number, standing in standings.items()}
    stand_ins = {name for named in protocols.values() for name in named} - METRICS.keys()
    for name in (*metrics, *sorted(stand_ins)):
        seen: dict[str | None, int] = {}
        for number, named in protocols.items():
            if name in named or name not in stand_ins:
                seen.setdefault(named.get(name), number)
        if len(seen) > 1:
            (one, a), (other, b), *_ = seen.items()
            rescored = all(name in standings[number].scored for number in (a, b))
            raise ProtocolError(
                f"{name} was measured under different protocols and cannot be ranked"
                f"{_apart(one or '', other or '')}: "
                f"{one or 'an unnamed one'} (trial {a}) and {other or 'an unnamed one'} (trial {b})"
                f"{RESCORING if rescored else ''}"
            )


def _apart(one: str, other: str) -> str:
    """What two protocols differ in: `` (samples 1000 against 10000)``; empty if not known."""
    apart = (f"{name} {a} against {b}" for name, (a, b) in differences(one, other).items())
    words = ", ".join(apart)
    return f" ({words})" if words else ""
