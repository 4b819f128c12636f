"""The front of candidates: its order, its recommended point, and what of it is noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gansearch.errors import UsageError
from gansearch.record import TrialRecord
from gansearch.report.aims import Candidates
from gansearch.space.models import Objective

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AUGMENTATION = 0.01
"""Weight of the plain sum beside the largest term: what tells a weakly optimal point apart."""


@dataclass(frozen=True)
class Front:
    """The candidates that no other one dominates.

    Attributes:
        trials: in the order of preference under weights, otherwise of the first objective.
        knee: the recommended one: the first under weights, otherwise the knee, of those that are
            not there by noise alone, if there are any; ``None`` of an empty front.
        probabilities: of each to be on the front, by the trial's number, by
            :func:`gansearch.uncertainty.front_probability` among all candidates.
        by_noise: those that another one of the front dominates when differences within the noise
            count as ties: :func:`gansearch.uncertainty.dominated_in_noise`.
    """

    trials: tuple[TrialRecord, ...] = ()
    knee: TrialRecord | None = None
    probabilities: Mapping[int, float] = field(default_factory=dict)
    by_noise: tuple[TrialRecord, ...] = ()


def front_of(candidates: Candidates, weights: NDArray[np.float64] | None) -> Front:
    """The front of candidates.

    Args:
        candidates: to be ranked.
        weights: ``[M]`` of the objectives, or ``None``.
    """
    import numpy as np

    from gansearch import pareto
    from gansearch.uncertainty import dominated_in_noise, front_probability

    members = np.flatnonzero(pareto.non_dominated(candidates.points))
    if not len(members):
        return Front()
    points, errors = candidates.points[members], candidates.errors[members]
    scaled = pareto.normalise(points)[:, :-1]  # weights are of objectives alone
    if weights is None:
        order = np.lexsort(points.T[::-1])
    else:
        distance = (weights * scaled).max(axis=1) + AUGMENTATION * scaled.sum(axis=1)
        order = np.argsort(distance, kind="stable")
    noise = dominated_in_noise(points, errors)
    clear = np.flatnonzero(~noise) if not noise.all() else np.arange(len(members))
    if weights is None:
        best = int(clear[pareto.knee(points[clear])])
    else:
        best = int(next(i for i in order if i in clear))
    chances = front_probability(candidates.points, candidates.errors, members)
    trials = [candidates.trials[member] for member in members]
    return Front(
        trials=tuple(trials[i] for i in order),
        knee=trials[best],
        probabilities={t.number: float(p) for t, p in zip(trials, chances, strict=True)},
        by_noise=tuple(trials[i] for i in order if noise[i]),
    )


def checked_weights(
    objectives: Sequence[Objective], weights: Mapping[str, float] | None
) -> NDArray[np.float64] | None:
    """Preferences as shares ``[M]`` of the objectives; ``None`` where there are none.

    Raises:
        UsageError: a weight of what is no objective, negative, not finite, or all of them 0.
    """
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
