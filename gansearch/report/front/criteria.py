"""Objectives and bounds of a front, and the trials within the bounds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from gansearch.errors import UsageError
from gansearch.metrics.catalog import METRICS, current_name
from gansearch.record import Report, TrialRecord
from gansearch.report.front.estimates import Estimate, check_protocols
from gansearch.report.front.noise import by_latents
from gansearch.space import Bound, Objective, Space
from gansearch.text.readable import number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Candidates:
    """Trials that may be compared.

    Attributes:
        trials: trials within every bound.
        points: ``[N, M + 1]``, the minimised objectives, then the configuration's failure rate. A
            configuration that sometimes diverges may thus be on a front, but does not dominate one
            that never does.
        errors: standard errors of the points.
        removed: numbers of the trials outside each bound, by its description.
    """

    trials: tuple[TrialRecord, ...]
    points: NDArray[np.float64]
    errors: NDArray[np.float64]
    removed: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Criteria:
    """The objectives and bounds of a front.

    Attributes:
        objectives: objectives, at least one.
        limits: every bound, by its description. An objective without a bound still requires a
            finite value.
    """

    objectives: tuple[Objective, ...]
    limits: Mapping[str, Bound]

    @classmethod
    def of(cls, space: Space, names: Sequence[str] | None, bounds: Iterable[Bound]) -> Self:
        """Combine a space's objectives and bounds with further ones.

        Args:
            space: space whose objectives, bounds and constraints hold.
            names: metrics to trade off instead of the space's objectives.
            bounds: further bounds.

        Raises:
            UsageError: a name is not a metric, or ``names`` is empty.
        """
        objectives = _objectives(space, names)
        given = [b for b in (*space.objectives, *space.constraints, *bounds) if is_bounded(b)]
        limits = {
            _description(bound): bound for bound in (*objectives, *given) if _known(bound.metric)
        }
        return cls(objectives, limits)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the objectives."""
        return tuple(objective.metric for objective in self.objectives)

    @property
    def by_latents(self) -> frozenset[str]:
        """Metrics among objectives and bounds whose values depend on the latents."""
        metrics = (bound.metric for bound in self.limits.values())
        return frozenset(metric for metric in metrics if by_latents(metric))

    def candidates(
        self, trials: Sequence[TrialRecord], estimates: Mapping[int, Estimate]
    ) -> Candidates:
        """Return the trials that are within every bound and may be compared.

        Args:
            trials: trials that completed the full budget.
            estimates: estimates by trial number.

        Raises:
            ProtocolError: as in :func:`~gansearch.report.front.estimates.check_protocols`.
        """
        import numpy as np

        given = {trial.number: estimates[trial.number] for trial in trials}
        removed = {
            words: tuple(n for n, each in given.items() if not _admits(bound, each.report))
            for words, bound in self.limits.items()
        }
        out = {number for numbers in removed.values() for number in numbers}
        kept = {number: each for number, each in given.items() if number not in out}
        check_protocols(self.metrics, kept)
        points = [
            [
                *(o.minimised(each.report.metrics[o.metric]) for o in self.objectives),
                each.failure_rate,
            ]
            for each in kept.values()
        ]
        errors = [[*(each.errors.get(m, 0.0) for m in self.metrics), 0.0] for each in kept.values()]
        return Candidates(
            trials=tuple(trial for trial in trials if trial.number in kept),
            points=np.array(points).reshape(-1, len(self.objectives) + 1),
            errors=np.array(errors).reshape(-1, len(self.objectives) + 1),
            removed=removed,
        )


def _objectives(space: Space, names: Sequence[str] | None) -> tuple[Objective, ...]:
    if names is None:
        return space.objectives
    if not names:
        raise UsageError("a front needs at least one objective")
    own = {objective.metric: objective for objective in space.objectives}
    return tuple(
        own.get(name) or Objective(metric=name, direction=METRICS[_known(name)].direction)
        for name in dict.fromkeys(map(current_name, names))
    )


def _known(metric: str) -> str:
    if metric not in METRICS:
        raise UsageError(f"{metric!r} is not a metric; there are {', '.join(METRICS)}")
    return metric


def is_bounded(bound: Bound) -> bool:
    """Whether a bound excludes any finite value."""
    return bound.min is not None or bound.max is not None


def _description(bound: Bound) -> str:
    least = f"{number(float(bound.min), 6)} <= " if bound.min is not None else ""
    greatest = f" <= {number(float(bound.max), 6)}" if bound.max is not None else ""
    return f"{least}{bound.metric}{greatest}" if least or greatest else f"a finite {bound.metric}"


def _admits(bound: Bound, report: Report) -> bool:
    """Whether a report is within a bound; false if it lacks the metric."""
    value = report.metrics.get(bound.metric, math.nan)
    return math.isfinite(value) and bound.admits(value)
