"""Objective values and constraint violations of ended trials, for samplers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from optuna.trial import TrialState, create_trial

from gansearch.metrics.catalog import METRICS
from gansearch.record import DEVICE_MEMORY, PREDICTED_MEMORY, Outcome, TrialRecord, images_of
from gansearch.search.noise import at_full_budget
from gansearch.space import Bound, Space

NO_RESULT_VIOLATION = 1e6
"""Violation of a trial without a result, larger than any likely violation of a bound."""
OUT_OF_MEMORY_VIOLATION = 1.0
"""Violation of a trial that ran out of memory, in addition to its predicted excess over the
device's memory, if both are known. It exceeds the violation of any stopped trial."""


def objective_values(space: Space, trial: TrialRecord) -> list[float]:
    """Return the objectives of a completed trial, in the space's order.

    Raises:
        KeyError: the trial is not completed: it has no report, or the report lacks an objective.
    """
    metrics = trial.last.metrics if trial.last else {}
    return [metrics[objective.metric] for objective in space.objectives]


def is_full(space: Space, kimg: float) -> bool:
    """Whether ``kimg`` is the full budget, up to rounding."""
    return images_of(kimg) >= images_of(space.budget.max_kimg)


def violations(space: Space, trial: TrialRecord) -> dict[str, float]:
    """Return a trial's violation of each constraint; values up to 0 are feasible.

    There is a constraint for every bound of the space, in units of the bound's size. There is one
    for the device's memory as a bound on the predicted need, if both are known; values near 0 are
    at the limit. A trial without a result violates one more, named by its outcome. For ``stopped``
    it is the share of the budget that was not reached, which is below 1. For ``out_of_memory`` it
    is :data:`OUT_OF_MEMORY_VIOLATION` if the memory is known. For all others it is
    :data:`NO_RESULT_VIOLATION`. A sampler therefore prefers trials that got further or came closer
    to fitting, and never treats a truncated or failed trial as complete.
    """
    found = dict(_bound_violations(space, trial))
    excess = memory_excess(trial)
    if excess is not None:
        found[f"{PREDICTED_MEMORY}.max"] = excess
    if trial.outcome == Outcome.STOPPED:
        reached = trial.last.kimg if trial.last else 0.0
        found[Outcome.STOPPED.value] = 1 - reached / space.budget.max_kimg
    elif trial.outcome == Outcome.OUT_OF_MEMORY and excess is not None:
        found[Outcome.OUT_OF_MEMORY.value] = OUT_OF_MEMORY_VIOLATION
    elif trial.outcome not in (None, Outcome.COMPLETED):
        found[trial.outcome.value] = NO_RESULT_VIOLATION
    return found


def memory_tags(predicted: Mapping[str, float]) -> dict[str, str]:
    """Convert a trial's predicted memory to tags, which :func:`memory_excess` reads."""
    return {name: f"{mib:.1f}" for name, mib in predicted.items()}


def memory_excess(trial: TrialRecord) -> float | None:
    """Return the excess of predicted over available memory, relative to the available memory.

    It is below 0 if the trial fits, and ``None`` if unknown.
    """
    facts: dict[str, float | str] = {**(trial.last.metrics if trial.last else {}), **trial.tags}
    if PREDICTED_MEMORY not in facts or DEVICE_MEMORY not in facts:
        return None
    return float(facts[PREDICTED_MEMORY]) / float(facts[DEVICE_MEMORY]) - 1


def constraint_attributes(found: dict[str, float]) -> dict[str, Any]:
    """Convert violations to the system attributes in which Optuna keeps constraints."""
    return create_trial(state=TrialState.RUNNING, constraints=found).system_attrs


def _bound_violations(space: Space, trial: TrialRecord) -> Iterator[tuple[str, float]]:
    if trial.last is None:
        return
    for bound in (*space.objectives, *space.constraints):
        # A cost is valid before the end; a quality at a rung says nothing about its bound.
        is_known = trial.outcome == Outcome.COMPLETED or METRICS[bound.metric].kind == "cost"
        if is_known and bound.metric in trial.last.metrics:
            value, _ = at_full_budget(trial.last, bound.metric, space.budget.max_kimg)
            yield from _violations_of(bound, value)


def _violations_of(bound: Bound, value: float) -> Iterator[tuple[str, float]]:
    for side, limit, sign in (("min", bound.min, -1), ("max", bound.max, 1)):
        if limit is not None and math.isfinite(limit):
            yield f"{bound.metric}.{side}", sign * (value - limit) / (abs(limit) or 1.0)
