"""The front of candidates: order, recommended point, and influence of noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gansearch.errors import UsageError
from gansearch.metrics.catalog import with_current_names
from gansearch.record import TrialRecord
from gansearch.report.front.criteria import Candidates
from gansearch.space import Objective

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AUGMENTATION = 0.01
"""Weight of the plain sum beside the largest term; it separates weakly optimal points from optimal
ones."""


@dataclass(frozen=True)
class Front:
    """The non-dominated candidates.

    Attributes:
        trials: trials in order of preference under weights, otherwise in order of the first
            objective.
        knee: recommended trial: the first under weights, otherwise the knee. Points on the front by
            noise alone are excluded unless all are. ``None`` for an empty front.
        probabilities: probability of each to be on the front, by trial number, from
            :func:`gansearch.report.front.uncertainty.front_probability` among all candidates.
        by_noise: trials that another one of the front dominates when differences within the noise
            count as ties; see :func:`gansearch.report.front.uncertainty.dominated_within_noise`.
    """

    trials: tuple[TrialRecord, ...] = ()
    knee: TrialRecord | None = None
    probabilities: Mapping[int, float] = field(default_factory=dict)
    by_noise: tuple[TrialRecord, ...] = ()


def front_of(candidates: Candidates, weights: NDArray[np.float64] | None) -> Front:
    """Compute the front of candidates.

    Args:
        candidates: trials to rank.
        weights: ``[M]``, weights of the objectives, or ``None``.
    """
    import numpy as np

    from gansearch import pareto
    from gansearch.report.front.uncertainty import dominated_within_noise, front_probability

    members = np.flatnonzero(pareto.non_dominated(candidates.points))
    if not len(members):
        return Front()
    points, errors = candidates.points[members], candidates.errors[members]
    scaled = pareto.normalise(points)[:, :-1]  # weights apply to objectives alone
    if weights is None:
        order = np.lexsort(points.T[::-1])
    else:
        distance = (weights * scaled).max(axis=1) + AUGMENTATION * scaled.sum(axis=1)
        order = np.argsort(distance, kind="stable")
    noise = dominated_within_noise(points, errors)
    clear = np.flatnonzero(~noise) if not noise.all() else np.arange(len(members))
    if weights is None:
        best = int(clear[pareto.knee(points[clear])])
    else:
        best = int(next(i for i in order if i in clear))
    probabilities = front_probability(candidates.points, candidates.errors, members)
    trials = [candidates.trials[member] for member in members]
    return Front(
        trials=tuple(trials[i] for i in order),
        knee=trials[best],
        probabilities={t.number: float(p) for t, p in zip(trials, probabilities, strict=True)},
        by_noise=tuple(trials[i] for i in order if noise[i]),
    )


def checked_weights(
    objectives: Sequence[Objective], weights: Mapping[str, float] | None
) -> NDArray[np.float64] | None:
    """Return preferences as shares ``[M]`` of the objectives, or ``None`` without weights.

    Raises:
        UsageError: a weight is not of an objective, negative or not finite, or all are 0.
    """
    import numpy as np

    if weights is None:
        return None
    names = [objective.metric for objective in objectives]
    weights = with_current_names(weights)
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
