"""What a front is asked for, and the trials that are let into the comparison."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from gansearch.errors import UsageError
from gansearch.metrics.catalog import METRICS
from gansearch.noise import by_latents
from gansearch.readable import number
from gansearch.record import Report, TrialRecord
from gansearch.report.standing import Standing, check_protocols
from gansearch.space.models import Bound, Objective, Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Candidates:
    """Trials that may be compared.

    Attributes:
        trials: within every bound.
        points: ``[N, M + 1]``, their objectives, minimised, and the share of trainings that were
            lost. So a configuration that diverges at times may be on a front, but keeps off none
            that does not.
        errors: standard errors of the points.
        removed: for each bound, in words, the trials that it kept out.
    """

    trials: tuple[TrialRecord, ...]
    points: NDArray[np.float64]
    errors: NDArray[np.float64]
    removed: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Aims:
    """What a front is a trade-off of, and within which bounds.

    Attributes:
        objectives: at least one.
        limits: every bound that holds, in words. An objective without one still asks for a value.
    """

    objectives: tuple[Objective, ...]
    limits: Mapping[str, Bound]

    @classmethod
    def of(cls, space: Space, names: Sequence[str] | None, bounds: Iterable[Bound]) -> Self:
        """What a space asks for.

        Args:
            space: its objectives, bounds and constraints hold.
            names: metrics to trade off instead of the space's own.
            bounds: further ones.

        Raises:
            UsageError: a name that is no metric, or no names at all.
        """
        objectives = _objectives(space, names)
        given = [b for b in (*space.objectives, *space.constraints, *bounds) if is_bounded(b)]
        limits = {_words(bound): bound for bound in (*objectives, *given) if _known(bound.metric)}
        return cls(objectives, limits)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The objectives' names."""
        return tuple(objective.metric for objective in self.objectives)

    @property
    def by_latents(self) -> frozenset[str]:
        """The metrics asked for that other latents would give another value."""
        metrics = (bound.metric for bound in self.limits.values())
        return frozenset(metric for metric in metrics if by_latents(metric))

    def candidates(
        self, trials: Sequence[TrialRecord], standings: Mapping[int, Standing]
    ) -> Candidates:
        """Those of ``trials`` that are within every bound, and may be compared.

        Args:
            trials: that completed the full budget.
            standings: what each is ranked by, by its number.

        Raises:
            ProtocolError: as of :func:`~gansearch.report.standing.check_protocols`.
        """
        import numpy as np

        given = {trial.number: standings[trial.number] for trial in trials}
        removed = {
            words: tuple(n for n, each in given.items() if not _admits(bound, each.report))
            for words, bound in self.limits.items()
        }
        out = {number for numbers in removed.values() for number in numbers}
        kept = {number: each for number, each in given.items() if number not in out}
        check_protocols(self.metrics, kept)
        points = [
            [
                *(oriented(o, each.report.metrics[o.metric]) for o in self.objectives),
                each.lost_share,
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


def is_bounded(bound: Bound) -> bool:
    """Whether a bound excludes any finite value."""
    return bound.min is not None or bound.max is not None


def _words(bound: Bound) -> str:
    least = f"{number(float(bound.min), 6)} <= " if bound.min is not None else ""
    greatest = f" <= {number(float(bound.max), 6)}" if bound.max is not None else ""
    return f"{least}{bound.metric}{greatest}" if least or greatest else f"a finite {bound.metric}"


def _admits(bound: Bound, report: Report) -> bool:
    """Whether a report is within a bound; one without the metric is not."""
    value = report.metrics.get(bound.metric, math.nan)
    return math.isfinite(value) and bound.admits(value)
