"""Estimates of trials: the values by which completed trials are ranked, with their errors.

An estimate comes from a trial's last report or, once the trial was rescored, from its scores.

A search evaluates every trial once, with few samples and the same latents. The best of many such
values is biased, so finalists are rescored with more samples and several seeds of latents that
the search has not used. The mean over these seeds has a 95% confidence interval by Student's t,
which covers variation of the latents. It does not cover variation of the training seed, which
several trainings of a configuration show (:mod:`gansearch.report.front.replicates`).

A cost has the interval that follows from its standard error (:mod:`gansearch.report.front.noise`).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gansearch.errors import ProtocolError
from gansearch.metrics.catalog import METRICS
from gansearch.metrics.protocol import differences
from gansearch.record import Outcome, Report, Score, TrialRecord, images_of
from gansearch.report.front.noise import standard_error
from gansearch.report.front.uncertainty import CONFIDENCE, NORMAL_QUANTILE

RESCORING = "; `gansearch rescore STUDY` evaluates them under one protocol"
"""Advice in the error message about finalists that were rescored under different protocols."""


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval.

    Attributes:
        mean: mean of the values.
        half: half the interval's width, at least 0; ``None`` for a single value.
    """

    mean: float
    half: float | None

    @property
    def low(self) -> float | None:
        """Lower end of the interval."""
        return None if self.half is None else self.mean - self.half

    @property
    def high(self) -> float | None:
        """Upper end of the interval."""
        return None if self.half is None else self.mean + self.half

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        """Compute the mean of K ≥ 1 independent values: mean ± t(0.975, K - 1) s / √K."""
        from scipy.special import stdtrit

        mean, count = statistics.fmean(values), len(values)
        if count < 2:
            return cls(mean, None)
        quantile = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))
        return cls(mean, quantile * statistics.stdev(values) / math.sqrt(count))

    @classmethod
    def of_error(cls, value: float, error: float) -> Interval:
        """Make the interval of a value with standard error ≥ 0: value ± 1.96 error."""
        return cls(value, NORMAL_QUANTILE * error if error else None)


@dataclass(frozen=True)
class Estimate:
    """Values by which a completed trial is ranked, or the mean of its configuration's trainings.

    Attributes:
        report: the last report; if the trial was rescored, with the means of its scores and their
            protocols; for several trainings, the mean.
        intervals: intervals by metric: of scores, of means over trainings, and of costs that were
            reported with standard errors.
        errors: standard errors by metric; exact values are absent.
        rescored: metrics that were rescored.
        trainings: trials that count; set by :func:`gansearch.report.front.replicates.estimates_of`.
        failures: number of trainings that diverged, ran out of memory or were stopped.
    """

    report: Report
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    errors: Mapping[str, float] = field(default_factory=dict)
    rescored: frozenset[str] = frozenset()
    trainings: tuple[TrialRecord, ...] = ()
    failures: int = 0

    @property
    def failure_rate(self) -> float:
        """``failures`` over the sum of ``failures`` and the trainings that count."""
        return self.failures / max(1, self.failures + len(self.trainings))


def estimate_of(
    trial: TrialRecord, *, rescored: bool, deviations: Mapping[str, float] | None = None
) -> Estimate:
    """Compute the estimate of a completed trial.

    Args:
        trial: a completed trial.
        rescored: whether to use its scores, if any, rather than its report alone.
        deviations: relative standard deviations of single scores, by metric; where missing, the
            errors are those of the report.
    """
    report, scores = last_report(trial), scores_of(trial) if rescored else {}
    intervals = {metric: Interval.of(score.values) for metric, score in scores.items()}
    means = {metric: interval.mean for metric, interval in intervals.items()}
    protocols = {metric: score.protocol for metric, score in scores.items()}
    metrics = {**report.metrics, **means}
    errors = {name: standard_error(name, metrics) for name in metrics if name in METRICS}
    for metric, deviation in (deviations or {}).items():
        if metric in scores:
            errors[metric] = deviation * abs(means[metric]) / math.sqrt(len(scores[metric].values))
    return Estimate(
        replace(report, metrics=metrics, protocols={**report.protocols, **protocols}),
        intervals,
        errors={name: error for name, error in errors.items() if error},
        rescored=frozenset(scores),
    )


def scores_of(trial: TrialRecord) -> dict[str, Score]:
    """Return the scores of a trial's last weights; scores of earlier ones do not count."""
    return {
        metric: score
        for metric, score in trial.scores.items()
        if trial.last and images_of(score.kimg) == images_of(trial.last.kimg)
    }


def is_complete(trial: TrialRecord, full_kimg: float) -> bool:
    """Whether a trial completed the full budget and may be on a front."""
    if trial.outcome is not Outcome.COMPLETED or trial.last is None:
        return False
    return images_of(trial.last.kimg) >= images_of(full_kimg)


def last_report(trial: TrialRecord) -> Report:
    """Return the last report of a completed trial.

    Raises:
        ValueError: the trial has no report.
    """
    if trial.last is None:
        raise ValueError(f"trial {trial.number} has reported nothing")
    return trial.last


def check_protocols(metrics: Iterable[str], estimates: Mapping[int, Estimate]) -> None:
    """Check that completed trials may be compared.

    Args:
        metrics: metrics of the comparison.
        estimates: estimates by trial number.

    Raises:
        ProtocolError: two trials have different protocols for a metric, or name different stand-ins
            for the same component of a paper.
    """
    protocols = {number: estimate.report.protocols for number, estimate in estimates.items()}
    stand_ins = {name for named in protocols.values() for name in named} - METRICS.keys()
    for name in (*metrics, *sorted(stand_ins)):
        numbers: dict[str | None, int] = {}
        for number, named in protocols.items():
            if name in named or name not in stand_ins:
                numbers.setdefault(named.get(name), number)
        if len(numbers) > 1:
            (one, a), (other, b), *_ = numbers.items()
            rescored = all(name in estimates[number].rescored for number in (a, b))
            raise ProtocolError(
                f"{name} was evaluated under different protocols and cannot be ranked"
                f"{_apart(one or '', other or '')}: "
                f"{one or 'an unnamed one'} (trial {a}) and {other or 'an unnamed one'} (trial {b})"
                f"{RESCORING if rescored else ''}"
            )


def _apart(one: str, other: str) -> str:
    """Describe how two protocols differ: `` (samples 1000 against 10000)``; empty if unknown."""
    apart = (f"{name} {a} against {b}" for name, (a, b) in differences(one, other).items())
    words = ", ".join(apart)
    return f" ({words})" if words else ""
