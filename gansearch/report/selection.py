"""Which trials of a study are on its Pareto front, and which of those to take.

Time and memory of a trial that was cut short are no merit, so only trials that completed the full
budget can be on the front; values that were measured under different protocols are never compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gansearch.errors import ProtocolError, UsageError
from gansearch.metrics.catalog import METRICS
from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.space.models import Bound, Objective, Space

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

AUGMENTATION = 0.01
"""Weight of the plain sum beside the largest term: what tells a weakly optimal point apart."""


@dataclass(frozen=True)
class Selection:
    """A study's trials, sorted by what became of them.

    Attributes:
        objectives: what the front is a trade-off of.
        front: in the order of preference under weights, otherwise of the first objective.
        knee: the recommended trial: the first under weights, otherwise the front's knee; ``None``
            where the front is empty.
        completed: trials that reached the full budget and are not on the front.
        rest: all others: stopped, diverged, failed, unfinished, or completed at a lesser budget.
        removed: for each bound, in words, the completed trials that it keeps off the front.
        full_kimg: the full budget.
        varied: parameters that differ between the study's trials.
    """

    objectives: tuple[Objective, ...]
    front: tuple[TrialRecord, ...]
    knee: TrialRecord | None
    completed: tuple[TrialRecord, ...]
    rest: tuple[TrialRecord, ...]
    removed: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    full_kimg: float = 0.0
    varied: tuple[str, ...] = ()

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
        that were reported, ``kimg``, ``seed`` and the parameters that vary, as sampled.
        """
        import pandas as pd

        reported = {name for trial in self.front for name in final(trial).metrics}
        first = [objective.metric for objective in self.objectives]
        metrics = [*first, *(name for name in METRICS if name in reported - set(first))]
        names = ["trial", "variant", "knee", *metrics, "kimg", "seed", *self.varied]
        rows = [self._row(trial, metrics) for trial in self.front]
        return pd.DataFrame(rows, columns=pd.Index(names))

    def _row(self, trial: TrialRecord, metrics: Sequence[str]) -> dict[str, Any]:
        report = final(trial)
        return {
            "trial": trial.number,
            "variant": trial.params.get("variant"),
            "knee": trial is self.knee,
            **{name: report.metrics.get(name) for name in metrics},
            "kimg": report.kimg,
            "seed": trial.seed,
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
    chosen = _objectives(space, objectives)
    given = [b for b in (*space.objectives, *space.constraints, *bounds) if _limits(b)]
    # An objective without bounds still asks that its value is there.
    limits = {_words(bound): bound for bound in (*chosen, *given) if _known(bound.metric)}
    full = space.budget.max_kimg
    completed = [trial for trial in record.trials if is_complete(trial, full)]
    removed = {
        words: tuple(t.number for t in completed if not _admits(bound, final(t)))
        for words, bound in limits.items()
    }
    out = {number for numbers in removed.values() for number in numbers}
    candidates = [trial for trial in completed if trial.number not in out]
    check_protocols([objective.metric for objective in chosen], candidates)
    front, knee = _front(chosen, candidates, _checked_weights(chosen, weights))
    on_front = {trial.number for trial in front}
    return Selection(
        objectives=chosen,
        front=tuple(front),
        knee=knee,
        completed=tuple(t for t in completed if t.number not in on_front),
        rest=tuple(t for t in record.trials if not is_complete(t, full)),
        removed=removed,
        full_kimg=full,
        varied=_varied(record.trials),
    )


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


def check_protocols(metrics: Iterable[str], trials: Sequence[TrialRecord]) -> None:
    """See that completed trials may be compared.

    Args:
        metrics: that they are compared by.
        trials: all of them completed.

    Raises:
        ProtocolError: two trials have different protocols for a metric, or both name what stands in
            for what a paper has, and it is not the same.
    """
    stand_ins = {name for trial in trials for name in final(trial).protocols} - METRICS.keys()
    for name in (*metrics, *sorted(stand_ins)):
        seen: dict[str | None, int] = {}
        for trial in trials:
            protocols = final(trial).protocols
            if name in protocols or name not in stand_ins:
                seen.setdefault(protocols.get(name), trial.number)
        if len(seen) > 1:
            (one, a), (other, b), *_ = seen.items()
            raise ProtocolError(
                f"{name} was measured under different protocols and cannot be ranked: "
                f"{one or 'an unnamed one'} (trial {a}) and {other or 'an unnamed one'} (trial {b})"
            )


def oriented(objective: Objective, value: float) -> float:
    """``value`` as something to minimise: the one place where maximised objectives are negated."""
    return -value if objective.direction == "maximize" else value


def _objectives(space: Space, names: Sequence[str] | None) -> tuple[Objective, ...]:
    if names is None:
        return space.objectives
    if not names:
        raise UsageError("a front needs at least one objective")
    own = {objective.metric: objective for objective in space.objectives}
    return tuple(
        own.get(name) or Objective(metric=name, direction=METRICS[_known(name)].direction)
        for name in dict.fromkeys(names)
    )


def _known(metric: str) -> str:
    if metric not in METRICS:
        raise UsageError(f"{metric!r} is not a metric; there are {', '.join(METRICS)}")
    return metric


def _limits(bound: Bound) -> bool:
    return bound.min is not None or bound.max is not None


def _words(bound: Bound) -> str:
    least = f"{bound.min:g} <= " if bound.min is not None else ""
    greatest = f" <= {bound.max:g}" if bound.max is not None else ""
    return f"{least}{bound.metric}{greatest}" if least or greatest else f"a finite {bound.metric}"


def _admits(bound: Bound, report: Report) -> bool:
    """Whether a report is within a bound; one without the metric is not."""
    value = report.metrics.get(bound.metric, math.nan)
    return math.isfinite(value) and bound.admits(value)


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
    objectives: Sequence[Objective],
    candidates: Sequence[TrialRecord],
    weights: NDArray[np.float64] | None,
) -> tuple[list[TrialRecord], TrialRecord | None]:
    """The front in order and its recommended trial."""
    import numpy as np

    from gansearch import pareto

    if not candidates:
        return [], None
    points = np.array(
        [[oriented(o, final(t).metrics[o.metric]) for o in objectives] for t in candidates]
    )  # [N, M]
    members = np.flatnonzero(pareto.non_dominated(points))
    points = points[members]
    if weights is None:
        order = np.lexsort(points.T[::-1])
        best = pareto.knee(points)
    else:
        scaled = pareto.normalise(points)
        order = np.argsort(
            (weights * scaled).max(axis=1) + AUGMENTATION * scaled.sum(axis=1), kind="stable"
        )
        best = int(order[0])
    return [candidates[members[i]] for i in order], candidates[members[best]]


def _varied(trials: Iterable[TrialRecord]) -> tuple[str, ...]:
    values: dict[str, set[Any]] = {}
    trials = tuple(trials)
    for trial in trials:
        for name in trial.params:
            values.setdefault(name, {t.params.get(name) for t in trials})
    own = ("variant", "seed")  # columns of the table in any case
    return tuple(name for name, seen in values.items() if len(seen) > 1 and name not in own)
