"""Which trials of a study are on its Pareto front, and which of those to take.

Time and memory of a trial that was cut short are no merit, so only trials that completed the full
budget can be on the front; values that were measured under different protocols are never compared.
Once trials were scored again, the front is that of their scores: one that was not is not ranked.
Trainings of one configuration are one point, under the number of the first that counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gansearch.errors import UsageError
from gansearch.metrics.catalog import METRICS
from gansearch.noise import by_latents
from gansearch.record import StudyRecord, TrialRecord
from gansearch.report.aims import Aims, Candidates
from gansearch.report.standing import (
    Interval,
    Standing,
    is_complete,
    scores_of,
)
from gansearch.report.trainings import standings_of
from gansearch.space.models import Bound, Objective, Space

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

AUGMENTATION = 0.01
"""Weight of the plain sum beside the largest term: what tells a weakly optimal point apart."""

TOLERANCE = 0.05
"""Share of a quality's value that other latents may move it by: who is that close is a finalist."""


@dataclass(frozen=True)
class Selection:
    """A study's trials, sorted by what became of them.

    Attributes:
        objectives: what the front is a trade-off of.
        front: a trial a point, in the order of preference under weights, otherwise of the first
            objective.
        knee: the recommended trial: the first under weights, otherwise the front's knee; ``None``
            where the front is empty.
        completed: likewise, the points that reached the full budget and are not on the front.
        rest: all others: stopped, diverged, failed, unfinished, or completed at a lesser budget.
        standings: what each point is ranked by, by its trial's number.
        unscored: finalists that are not ranked, because others were scored again and they were not.
        removed: for each bound, in words, the completed trials that it keeps off the front.
        full_kimg: the full budget.
        varied: parameters that differ between the study's trials.
    """

    objectives: tuple[Objective, ...]
    front: tuple[TrialRecord, ...]
    knee: TrialRecord | None
    completed: tuple[TrialRecord, ...]
    rest: tuple[TrialRecord, ...]
    standings: Mapping[int, Standing]
    unscored: tuple[TrialRecord, ...] = ()
    removed: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    full_kimg: float = 0.0
    varied: tuple[str, ...] = ()

    def values(self, trial: TrialRecord) -> Mapping[str, float]:
        """The metrics that a point is ranked by: means, of what has several values."""
        return self.standings[trial.number].report.metrics

    def interval(self, trial: TrialRecord, metric: str) -> Interval | None:
        """The 95% confidence interval of a mean; of a single value, ``None``."""
        return self.standings[trial.number].intervals.get(metric)

    def trainings(self, trial: TrialRecord) -> tuple[TrialRecord, ...]:
        """The trials whose mean a point is."""
        return self.standings[trial.number].trainings

    def lost(self, trial: TrialRecord) -> int:
        """Trainings of a point's configuration that diverged, ran out of memory or were stopped."""
        return self.standings[trial.number].lost

    @property
    def repeated(self) -> bool:
        """Whether a configuration on the front was trained more than once."""
        return any(len(self.trainings(t)) + self.lost(t) > 1 for t in self.front)

    @cached_property
    def scored(self) -> frozenset[str]:
        """The metrics that were scored again."""
        return frozenset(m for standing in self.standings.values() for m in standing.scored)

    @cached_property
    def spread(self) -> frozenset[str]:
        """The metrics of which some point has an interval."""
        return frozenset(m for standing in self.standings.values() for m in standing.intervals)

    @property
    def disturbed(self) -> tuple[TrialRecord, ...]:
        """Completed trials whose time may have others' work in it, where time is an objective."""
        if all(objective.metric != "seconds_per_kimg" for objective in self.objectives):
            return ()
        completed = (*self.front, *self.completed)
        return tuple(t for t in completed if self.values(t).get("measured_alone", 1) < 1)

    @property
    def message(self) -> str:
        """Why the front is empty, in one line; empty where it is not."""
        if self.front:
            return ""
        if not self.completed:
            return f"no trial has completed the full budget of {self.full_kimg:g} kimg yet"
        bounds = "; ".join(f"{bound} removes {len(t)}" for bound, t in self.removed.items() if t)
        return f"none of {len(self.completed)} completed trials is within every bound: {bounds}"

    @cached_property
    def table(self) -> pd.DataFrame:
        """The front, one row a trial in the order of :attr:`front`.

        Columns: ``trial``, ``variant``, ``knee``, the objectives, the other metrics of the catalog
        that were reported, each one that is a mean followed by its interval (``fid_low``,
        ``fid_high``), ``kimg``, ``seed``, ``trainings`` (that the means are of), ``lost`` (those
        that came to nothing) and the parameters that vary, as sampled.
        """
        import pandas as pd

        reported = {name for trial in self.front for name in self.values(trial)}
        first = [objective.metric for objective in self.objectives]
        metrics = [*first, *(name for name in METRICS if name in reported - set(first))]
        columns = [
            column
            for name in metrics
            for column in (name, *([f"{name}_low", f"{name}_high"] if name in self.spread else []))
        ]
        names = [
            "trial",
            "variant",
            "knee",
            *columns,
            "kimg",
            "seed",
            "trainings",
            "lost",
            *self.varied,
        ]
        rows = [self._row(trial, metrics) for trial in self.front]
        return pd.DataFrame(rows, columns=pd.Index(names))

    def _row(self, trial: TrialRecord, metrics: Sequence[str]) -> dict[str, Any]:
        values = self.values(trial)
        intervals = self.standings[trial.number].intervals
        return {
            "trial": trial.number,
            "variant": trial.params.get("variant"),
            "knee": trial is self.knee,
            **{name: values.get(name) for name in metrics},
            **{f"{name}_low": interval.low for name, interval in intervals.items()},
            **{f"{name}_high": interval.high for name, interval in intervals.items()},
            "kimg": self.standings[trial.number].report.kimg,
            "seed": trial.seed,
            "trainings": len(self.trainings(trial)),
            "lost": self.lost(trial),
            **{name: trial.params.get(name) for name in self.varied},
        }


def select(
    space: Space,
    record: StudyRecord,
    *,
    objectives: Sequence[str] | None = None,
    bounds: Iterable[Bound] = (),
    weights: Mapping[str, float] | None = None,
) -> Selection:
    """Select the Pareto front of a study, and its recommended point.

    Args:
        space: that the study searches; its objectives, bounds, constraints and full budget hold.
        record: the study.
        objectives: metrics to trade off instead of the space's own. A direction is the space's
            where it has one, otherwise the catalog's.
        bounds: further bounds that a trial must be within.
        weights: preference by objective, at least 0, not all of them 0; an objective that is not
            named has 0. They order the front by the augmented weighted Chebyshev distance to the
            ideal point, over objectives scaled to [0, 1] on the front: max wᵢxᵢ + 0.01 Σxᵢ
            (Steuer and Choo 1983).

    Raises:
        UsageError: an objective, bound or weight that names no metric of the catalog, or a weight
            that is no preference.
        ProtocolError: an objective was measured under different protocols among the candidates, or
            different things stand in there for what a variant's paper has.
    """
    aims = Aims.of(space, objectives, bounds)
    full = space.budget.max_kimg
    completed = [trial for trial in record.trials if is_complete(trial, full)]
    asked = aims.by_latents
    scored = [t.number for t in completed if asked and asked <= scores_of(t).keys()]
    standings = standings_of(record.trials, full, scored, aims.metrics)
    ranked = [t for t in completed if t.number in standings and (not scored or t.number in scored)]
    candidates = aims.candidates(ranked, standings)
    front, knee = _front(candidates, _checked_weights(aims.objectives, weights))
    on_front = {trial.number for trial in front}
    wanted = _finalists(aims, record, full) if scored else ()
    return Selection(
        objectives=aims.objectives,
        front=tuple(front),
        knee=knee,
        completed=tuple(t for t in completed if t.number in standings.keys() - on_front),
        rest=tuple(t for t in record.trials if not is_complete(t, full)),
        standings=standings,
        unscored=tuple(trial for trial in wanted if trial.number not in scored),
        removed=candidates.removed,
        full_kimg=full,
        varied=_varied(record.trials),
    )


def finalists(space: Space, record: StudyRecord) -> tuple[TrialRecord, ...]:
    """The trials that may be on the front, judging by what the search measured of them.

    They are the trainings of each configuration that no other would dominate if its qualities were
    better by :data:`TOLERANCE`.

    Args:
        space: as of :func:`select`.
        record: the study; its scores do not count.

    Raises:
        ProtocolError: as of :func:`select`.
    """
    return _finalists(Aims.of(space, None, ()), record, space.budget.max_kimg)


def _finalists(aims: Aims, record: StudyRecord, full_kimg: float) -> tuple[TrialRecord, ...]:
    from gansearch import pareto

    standings = standings_of(record.trials, full_kimg, metrics=aims.metrics)
    first = [trial for trial in record.trials if trial.number in standings]
    candidates = aims.candidates(first, standings)
    shares = [TOLERANCE * by_latents(metric) for metric in aims.metrics]
    near = pareto.near_front(candidates.points, abs(candidates.points) * [*shares, 0.0])
    kept = (trial for trial, is_near in zip(candidates.trials, near, strict=True) if is_near)
    trainings = (training for trial in kept for training in standings[trial.number].trainings)
    return tuple(sorted(trainings, key=lambda trial: trial.number))


def _checked_weights(
    objectives: Sequence[Objective], weights: Mapping[str, float] | None
) -> NDArray[np.float64] | None:
    import numpy as np

    if weights is None:
        return None
    names = [objective.metric for objective in objectives]
    for name, weight in weights.items():
        if name not in names:
            raise UsageError(f"weight of {name!r}: not an objective; there are {', '.join(names)}")
        if not (math.isfinite(weight) and weight >= 0):
            raise UsageError(f"weight of {name}: {weight!r} should be a number of at least 0")
    values = np.array([weights.get(name, 0.0) for name in names])
    if not values.any():
        raise UsageError("the weights are all 0: at least one objective should have more")
    normalised: NDArray[np.float64] = values / values.sum()
    return normalised


def _front(
    candidates: Candidates, weights: NDArray[np.float64] | None
) -> tuple[list[TrialRecord], TrialRecord | None]:
    """The front in order and its recommended trial."""
    import numpy as np

    from gansearch import pareto

    members = np.flatnonzero(pareto.non_dominated(candidates.points))
    points = candidates.points[members]
    if not len(members):
        return [], None
    if weights is None:
        order = np.lexsort(points.T[::-1])
        best = pareto.knee(points)
    else:
        scaled = pareto.normalise(points)[:, :-1]  # weights are of objectives alone
        order = np.argsort(
            (weights * scaled).max(axis=1) + AUGMENTATION * scaled.sum(axis=1), kind="stable"
        )
        best = int(order[0])
    trials = [candidates.trials[member] for member in members]
    return [trials[i] for i in order], trials[best]


def _varied(trials: Iterable[TrialRecord]) -> tuple[str, ...]:
    values: dict[str, set[Any]] = {}
    trials = tuple(trials)
    for trial in trials:
        for name in trial.params:
            values.setdefault(name, {t.params.get(name) for t in trials})
    own = ("variant", "seed")  # columns of the table in any case
    return tuple(name for name, seen in values.items() if len(seen) > 1 and name not in own)
