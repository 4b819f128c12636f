"""Standing of a trial: its last report, or the scores of its weights after the search.

A search evaluates every trial once, with few samples and the same latents. The best of many such
values is partly luck, so finalists are rescored with more samples and several seeds of latents that
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
from gansearch.record import Outcome, Report, Score, TrialRecord
from gansearch.report.front.noise import standard_error
from gansearch.report.front.uncertainty import SIGNIFICANT

CONFIDENCE = 0.95
"""Confidence level of every interval."""

RESCORING = "; `gansearch rescore STUDY` scores them alike"
"""Remedy when rescoring under another protocol was interrupted."""


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
        return cls(value, SIGNIFICANT * error if error else None)


@dataclass(frozen=True)
class Standing:
    """Values that rank a completed trial, or several trainings of its configuration.

    Attributes:
        report: the last report; if the trial was rescored, with the means of its scores and their
            protocols; for several trainings, the mean.
        intervals: intervals by metric: of scores, of means over trainings, and of costs that were
            reported with standard errors.
        errors: standard errors by metric; exact values are absent.
        scored: metrics that were rescored.
        trainings: trials that count; set by :func:`gansearch.report.front.replicates.standings_of`.
        lost: number of trainings that diverged, ran out of memory or were stopped.
    """

    report: Report
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    errors: Mapping[str, float] = field(default_factory=dict)
    scored: frozenset[str] = frozenset()
    trainings: tuple[TrialRecord, ...] = ()
    lost: int = 0

    @property
    def lost_share(self) -> float:
        """Failure rate: ``lost`` over the sum of ``lost`` and the trainings that count."""
        return self.lost / max(1, self.lost + len(self.trainings))


def standing(
    trial: TrialRecord, *, scored: bool, shares: Mapping[str, float] | None = None
) -> Standing:
    """Compute the standing of a completed trial.

    Args:
        trial: a completed trial.
        scored: whether to use its scores, if any, rather than its report alone.
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
    """Return the scores of a trial's last weights; scores of earlier ones do not count."""
    return {
        metric: score
        for metric, score in trial.scores.items()
        if trial.last and math.isclose(score.kimg, trial.last.kimg)
    }


def is_complete(trial: TrialRecord, full_kimg: float) -> bool:
    """Whether a trial completed the full budget and may be on a front."""
    if trial.outcome is not Outcome.COMPLETED or trial.last is None:
        return False
    return trial.last.kimg >= full_kimg or math.isclose(trial.last.kimg, full_kimg)


def final(trial: TrialRecord) -> Report:
    """Return the last report of a completed trial.

    Raises:
        ValueError: the trial has no report.
    """
    if trial.last is None:
        raise ValueError(f"trial {trial.number} has reported nothing")
    return trial.last


def check_protocols(metrics: Iterable[str], standings: Mapping[int, Standing]) -> None:
    """Check that completed trials may be compared.

    Args:
        metrics: metrics of the comparison.
        standings: standings by trial number.

    Raises:
        ProtocolError: two trials have different protocols for a metric, or name different stand-ins
            for the same component of a paper.
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
    """Describe how two protocols differ: `` (samples 1000 against 10000)``; empty if unknown."""
    apart = (f"{name} {a} against {b}" for name, (a, b) in differences(one, other).items())
    words = ", ".join(apart)
    return f" ({words})" if words else ""
