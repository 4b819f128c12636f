"""What a trial's end means to Optuna: its values, and by how much it misses being a point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from optuna.trial import TrialState, create_trial

from gansearch.metrics.catalog import METRICS
from gansearch.record import DEVICE_MEMORY, PREDICTED_MEMORY, Outcome, TrialRecord
from gansearch.search.noise import at_full_budget
from gansearch.space import Bound, Space

BROKEN = 1e6
"""Violation of a trial that has no result: beyond any that a measured value is likely to have."""
TOO_LARGE = 1.0
"""Violation of one that ran out of memory, beside what it exceeded the device by, if that is known:
more than of any that was stopped."""


def objective_values(space: Space, trial: TrialRecord) -> list[float]:
    """The objectives of a completed trial, in the space's order.

    Raises:
        KeyError: the trial has no report, or one without an objective: it is not completed.
    """
    metrics = trial.last.metrics if trial.last else {}
    return [metrics[objective.metric] for objective in space.objectives]


def is_full(space: Space, kimg: float) -> bool:
    """Whether ``kimg`` is the full budget, up to rounding."""
    return kimg * (1 + 1e-9) >= space.budget.max_kimg


def violations(space: Space, trial: TrialRecord) -> dict[str, float]:
    """By how much a trial that ended violates each constraint; at most 0 where it keeps it.

    Every bound of the space counts, relative to the bound's size so that units do not weigh. So
    does the device's memory, as a bound on what the trial was predicted to need, where both are
    known: near 0 is where configurations stop to fit. A trial without a result violates one more,
    of its outcome's name: ``stopped`` by the share of the budget that it did not reach, which is
    less than 1, ``out_of_memory`` by :data:`TOO_LARGE` where its memory is known, and all others by
    :data:`BROKEN`. So a sampler prefers what got further, or came nearer to fitting, and never
    takes a truncated or broken trial for a finished one.
    """
    found = dict(_missed_bounds(space, trial))
    excess = memory_excess(trial)
    if excess is not None:
        found[f"{PREDICTED_MEMORY}.max"] = excess
    if trial.outcome == Outcome.STOPPED:
        reached = trial.last.kimg if trial.last else 0.0
        found[Outcome.STOPPED.value] = 1 - reached / space.budget.max_kimg
    elif trial.outcome == Outcome.OUT_OF_MEMORY and excess is not None:
        found[Outcome.OUT_OF_MEMORY.value] = TOO_LARGE
    elif trial.outcome not in (None, Outcome.COMPLETED):
        found[trial.outcome.value] = BROKEN
    return found


def memory_tags(foreseen: Mapping[str, float]) -> dict[str, str]:
    """What was foreseen of a trial's memory as tags, from which :func:`memory_excess` reads it."""
    return {name: f"{mib:.1f}" for name, mib in foreseen.items()}


def memory_excess(trial: TrialRecord) -> float | None:
    """How much more memory a trial was foreseen to need than its device has, relative to that.

    Below 0 where it fits; ``None`` where it is not known.
    """
    known: dict[str, float | str] = {**(trial.last.metrics if trial.last else {}), **trial.tags}
    if PREDICTED_MEMORY not in known or DEVICE_MEMORY not in known:
        return None
    return float(known[PREDICTED_MEMORY]) / float(known[DEVICE_MEMORY]) - 1


def constraint_attributes(found: dict[str, float]) -> dict[str, Any]:
    """Violations as the system attributes in which Optuna keeps a trial's constraints."""
    return create_trial(state=TrialState.RUNNING, constraints=found).system_attrs


def _missed_bounds(space: Space, trial: TrialRecord) -> Iterator[tuple[str, float]]:
    if trial.last is None:
        return
    for bound in (*space.objectives, *space.constraints):
        # A cost is known before the end; a quality at a rung says nothing about its bound.
        known = trial.outcome == Outcome.COMPLETED or METRICS[bound.metric].kind == "cost"
        if known and bound.metric in trial.last.metrics:
            value, _ = at_full_budget(trial.last, bound.metric, space.budget.max_kimg)
            yield from _misses(bound, value)


def _misses(bound: Bound, value: float) -> Iterator[tuple[str, float]]:
    for side, limit, sign in (("min", bound.min, -1), ("max", bound.max, 1)):
        if limit is not None and math.isfinite(limit):
            yield f"{bound.metric}.{side}", sign * (value - limit) / (abs(limit) or 1.0)
