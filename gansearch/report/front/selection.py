"""Selection of a study's Pareto front and its recommended trial.

Time and memory of a trial that was stopped early are not comparable, so only trials that completed
the full budget can be on the front. Values under different protocols are never compared. Once some
trials were rescored, the front is built from their scores, and trials without scores are not
ranked. Trainings of one configuration are one point, under the number of the first that counts.

Values have noise (:mod:`gansearch.report.front.noise`). The front is computed from the values as
they are, and each of its points has a probability of being on it. A point is on the front by
noise alone if another one dominates it when differences within the noise count as ties. It is not
recommended unless all points are such.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gansearch import pareto
from gansearch.record import StudyRecord, TrialRecord
from gansearch.report.front.criteria import Criteria, is_bounded
from gansearch.report.front.estimates import (
    Estimate,
    Interval,
    is_complete,
    scores_of,
)
from gansearch.report.front.frame import front_frame
from gansearch.report.front.ranking import checked_weights, front_of
from gansearch.report.front.replicates import estimates_of
from gansearch.report.front.uncertainty import NORMAL_QUANTILE
from gansearch.space import Bound, Objective, Space

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Selection:
    """Trials of a study in groups: front, completed, rest.

    Attributes:
        record: record of the study.
        objectives: objectives of the front.
        front: one trial per point, in order of preference under weights, otherwise in order of the
            first objective.
        knee: recommended trial: the first under weights, otherwise the front's knee. Points on the
            front by noise alone are excluded unless all are. ``None`` if the front is empty.
        completed: one trial per ranked point that reached the full budget and is not on the front.
        rest: all other trials: stopped, diverged, failed, unfinished, or completed at a smaller
            budget.
        estimates: estimate of each point, by trial number.
        probabilities: probability of each front point to be on the front, by trial number.
        by_noise: front points that are there by noise alone.
        bounds: bounds on the front.
        not_rescored: finalists that are not ranked, because others were rescored and they were not.
        removed: numbers of the completed trials outside each bound, by its description.
        full_kimg: the full budget.
        varied: parameters that differ between the study's trials.
    """

    record: StudyRecord
    objectives: tuple[Objective, ...]
    front: tuple[TrialRecord, ...]
    knee: TrialRecord | None
    completed: tuple[TrialRecord, ...]
    rest: tuple[TrialRecord, ...]
    estimates: Mapping[int, Estimate]
    probabilities: Mapping[int, float] = field(default_factory=dict)
    by_noise: tuple[TrialRecord, ...] = ()
    bounds: tuple[Bound, ...] = ()
    not_rescored: tuple[TrialRecord, ...] = ()
    removed: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    full_kimg: float = 0.0
    varied: tuple[str, ...] = ()

    def values(self, trial: TrialRecord) -> Mapping[str, float]:
        """Return the metrics that rank a point; means of those with several values."""
        return self.estimates[trial.number].report.metrics

    def interval(self, trial: TrialRecord, metric: str) -> Interval | None:
        """Return the 95% confidence interval of a metric, or ``None`` if there is none."""
        return self.estimates[trial.number].intervals.get(metric)

    def trainings(self, trial: TrialRecord) -> tuple[TrialRecord, ...]:
        """Return the trials that a point averages."""
        return self.estimates[trial.number].trainings

    def failures(self, trial: TrialRecord) -> int:
        """Count a configuration's trainings that diverged, ran out of memory or were stopped."""
        return self.estimates[trial.number].failures

    @property
    def repeated(self) -> bool:
        """Whether a configuration on the front was trained more than once."""
        return any(len(self.trainings(t)) + self.failures(t) > 1 for t in self.front)

    @property
    def uncertain(self) -> bool:
        """Whether any front point has a probability below 1 of being on the front."""
        return any(probability < 1 for probability in self.probabilities.values())

    @cached_property
    def rescored(self) -> frozenset[str]:
        """Metrics that were rescored."""
        return frozenset(m for estimate in self.estimates.values() for m in estimate.rescored)

    @cached_property
    def spread(self) -> frozenset[str]:
        """Metrics for which some point has an interval."""
        return frozenset(m for estimate in self.estimates.values() for m in estimate.intervals)

    @property
    def disturbed(self) -> tuple[TrialRecord, ...]:
        """Completed trials whose time may include other processes' work, if it is an objective."""
        if all(objective.metric != "seconds_per_kimg" for objective in self.objectives):
            return ()
        completed = (*self.front, *self.completed)
        return tuple(t for t in completed if self.values(t).get("measured_alone", 1) < 1)

    @property
    def message(self) -> str:
        """Reason for an empty front, in one line; empty otherwise."""
        if self.front:
            return ""
        if not self.completed:
            return f"no trial has completed the full budget of {self.full_kimg:g} kimg yet"
        bounds = "; ".join(f"{bound} removes {len(t)}" for bound, t in self.removed.items() if t)
        return f"none of {len(self.completed)} completed trials is within every bound: {bounds}"

    def to_frame(self) -> pd.DataFrame:
        """Make a pandas ``DataFrame`` of the front, one row per point.

        Its columns are described at :func:`gansearch.report.front.frame.front_frame`.
        """
        return front_frame(self)


def select(
    space: Space,
    record: StudyRecord,
    *,
    objectives: Sequence[str] | None = None,
    bounds: Iterable[Bound] = (),
    weights: Mapping[str, float] | None = None,
) -> Selection:
    """Select the Pareto front of a study and its recommended point.

    Args:
        space: space of the study; its objectives, bounds, constraints and full budget hold.
        record: record of the study.
        objectives: metrics to trade off instead of the space's objectives. The direction is the
            space's if it has one, otherwise the catalog's.
        bounds: further bounds.
        weights: preference by objective, at least 0, not all 0; omitted objectives have 0. The
            front is ordered by the augmented weighted Chebyshev distance to the ideal point, with
            objectives scaled to [0, 1] on the front: max wᵢxᵢ + 0.01 Σxᵢ (Steuer and Choo 1983).

    Raises:
        UsageError: an objective, bound or weight names no metric of the catalog, or a weight is
            invalid.
        ProtocolError: candidates have different protocols for an objective, or different stand-ins
            for a component of the variant's paper.
    """
    criteria = Criteria.of(space, objectives, bounds)
    full = space.budget.max_kimg
    completed = [trial for trial in record.trials if is_complete(trial, full)]
    needed = criteria.by_latents
    rescored = [t.number for t in completed if needed and needed <= scores_of(t).keys()]
    estimates = estimates_of(record.trials, full, rescored, criteria.metrics)
    ranked = [
        t for t in completed if t.number in estimates and (not rescored or t.number in rescored)
    ]
    candidates = criteria.candidates(ranked, estimates)
    front = front_of(candidates, checked_weights(criteria.objectives, weights))
    on_front = front.probabilities.keys()
    expected = _finalists(criteria, record, full) if rescored else ()
    return Selection(
        record=record,
        objectives=criteria.objectives,
        front=front.trials,
        knee=front.knee,
        completed=tuple(t for t in completed if t.number in estimates.keys() - on_front),
        rest=tuple(t for t in record.trials if not is_complete(t, full)),
        estimates=estimates,
        probabilities=front.probabilities,
        by_noise=front.by_noise,
        bounds=tuple(bound for bound in criteria.limits.values() if is_bounded(bound)),
        not_rescored=tuple(trial for trial in expected if trial.number not in rescored),
        removed=candidates.removed,
        full_kimg=full,
        varied=_varied(record.trials),
    )


def finalists(space: Space, record: StudyRecord) -> tuple[TrialRecord, ...]:
    """Return the trials that may be on the front according to the search's own values.

    They are all counted trainings of each configuration that no other would dominate if its
    objectives improved by half their 95% intervals.

    Args:
        space: as in :func:`select`.
        record: record of the study; its scores are ignored.

    Raises:
        ProtocolError: as in :func:`select`.
    """
    return _finalists(Criteria.of(space, None, ()), record, space.budget.max_kimg)


def near_front(
    criteria: Criteria, trials: Sequence[TrialRecord], full_kimg: float
) -> tuple[Estimate, ...]:
    """Return the configurations on the front of means over trainings, or within the noise of it.

    A configuration is included if no other would dominate it after its own objectives improved by
    half their 95% intervals. Scores are ignored. The search repeats these configurations, and
    rescoring evaluates their weights again.

    Standard errors are those that the reports state, without the Birge ratio. Rescoring removes
    only this noise of evaluations. For replicates, the ratio cost 3 to 96% more trainings in
    simulated studies whose trainings scatter by 3 to 25%, and found no more of the true front.

    Args:
        criteria: objectives and bounds of the front.
        trials: trials of a study.
        full_kimg: the full budget.

    Raises:
        ProtocolError: as in :func:`select`.
    """
    estimates = estimates_of(trials, full_kimg, metrics=criteria.metrics, enlarged=False)
    first = [trial for trial in trials if trial.number in estimates]
    candidates = criteria.candidates(first, estimates)
    near = pareto.near_front(candidates.points, NORMAL_QUANTILE * candidates.errors)
    return tuple(
        estimates[trial.number]
        for trial, is_near in zip(candidates.trials, near, strict=True)
        if is_near
    )


def _finalists(
    criteria: Criteria, record: StudyRecord, full_kimg: float
) -> tuple[TrialRecord, ...]:
    near = near_front(criteria, record.trials, full_kimg)
    trainings = (training for estimate in near for training in estimate.trainings)
    return tuple(sorted(trainings, key=lambda trial: trial.number))


def _varied(trials: Iterable[TrialRecord]) -> tuple[str, ...]:
    values: dict[str, set[Any]] = {}
    trials = tuple(trials)
    for trial in trials:
        for name in trial.params:
            values.setdefault(name, {t.params.get(name) for t in trials})
    own = ("variant", "seed")  # always columns of the table
    return tuple(name for name, seen in values.items() if len(seen) > 1 and name not in own)
