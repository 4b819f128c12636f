"""Measures of a simulated study whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.problems import Problem, corner
from gansearch.pareto import hypervolume, non_dominated
from gansearch.record import Outcome, TrialRecord
from gansearch.search.simulation.simulate import Simulation, hypervolume_over_time

EARLY = 0.15
"""Share of the budget by which a diverging trial should have been stopped."""
NEAR = 0.05
"""Largest miss, in shares of the front's extent, by which a front member counts as found."""

Steps = list[tuple[float, float]]
"""A growing quantity: from a moment on, so much."""


class Counted(NamedTuple):
    """Some of many, summed over studies before they are divided."""

    some: int
    many: int


@dataclass(frozen=True)
class Worth:
    """Results of one study.

    Attributes:
        steps: hypervolume of the fully trained trials' true values over GPU-seconds, as a share of
            the true front's.
        found: share of the true front's members that a fully trained trial comes near to.
        falsely_stopped: of the trials whose true values nothing else in the study dominates, those
            that were stopped at a rung.
        stopped_early: of the trials that were bound to diverge, those that ended by :data:`EARLY`.
        trials: asked in all.
    """

    steps: Steps
    found: float
    falsely_stopped: Counted
    stopped_early: Counted
    trials: int


def worth(problem: Problem, simulation: Simulation) -> Worth:
    """Measure a study by the truth of ``problem``."""
    trials = simulation.method.record().trials
    truths = {trial.number: problem.truth(trial.params) for trial in trials}
    completed = {trial.number for trial in trials if trial.outcome == Outcome.COMPLETED}
    ends = [end for end in simulation.ends if end.number in completed]
    points = np.array([truths[end.number] for end in ends]).reshape(len(ends), -1)
    reference = corner(problem)
    whole = hypervolume(problem.front, reference)
    steps: Steps = []
    if ends:
        grown = hypervolume_over_time([e.gpu_seconds for e in ends], points, reference.tolist())
        steps = [(moment, volume / whole) for moment, volume in grown]
    return Worth(
        steps=steps,
        found=_found(problem.front, points) if ends else 0.0,
        falsely_stopped=_falsely_stopped(trials, truths),
        stopped_early=_stopped_early(problem, simulation),
        trials=len(trials),
    )


def at(steps: Steps, moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """A growing quantity at each of ``moments``; 0 before its first step."""
    times, values = np.array([(-math.inf, 0.0), *steps]).T
    found: NDArray[np.float64] = values[np.searchsorted(times, moments, side="right") - 1]
    return found


def share_to_reach(
    curves: NDArray[np.float64], baseline: NDArray[np.float64]
) -> tuple[float, float, float]:
    """The share of the budget at which a method's mean curve reaches the baseline's last mean.

    Args:
        curves: ``[seeds, moments]`` of the method; moments evenly spread up to the budget.
        baseline: the same of the baseline.

    Returns:
        The share, and its 5% and 95% quantiles over 1,000 bootstrap samples of both methods' seeds;
        infinite where the mean does not get there.
    """

    def share(mine: NDArray[np.float64], goal: float) -> float:
        reached = np.flatnonzero(mine >= goal)
        return float((reached[0] + 1) / len(mine)) if len(reached) else math.inf

    draw = np.random.default_rng(0)
    samples = []
    for _ in range(1000):
        mine = curves[draw.integers(len(curves), size=len(curves))].mean(axis=0)
        goal = baseline[draw.integers(len(baseline), size=len(baseline)), -1].mean()
        samples.append(share(mine, float(goal)))
    low, high = np.quantile(samples, (0.05, 0.95), method="nearest")
    return share(curves.mean(axis=0), float(baseline[:, -1].mean())), float(low), float(high)


def _found(front: NDArray[np.float64], points: NDArray[np.float64]) -> float:
    extent = np.maximum(front.max(axis=0) - front.min(axis=0), 1e-12)
    misses = ((points[None] - front[:, None]) / extent).max(axis=2).min(axis=1)  # [front]
    return float((misses <= NEAR).mean())


def _falsely_stopped(
    trials: Sequence[TrialRecord], truths: dict[int, NDArray[np.float64]]
) -> Counted:
    settled = [trial for trial in trials if trial.outcome is not None]
    points = np.array([truths[trial.number] for trial in settled]).reshape(len(settled), -1)
    if not settled:
        return Counted(0, 0)
    on_front = non_dominated(points) & np.isfinite(points).all(axis=1)
    good = [trial for trial, keep in zip(settled, on_front, strict=True) if keep]
    return Counted(sum(trial.outcome == Outcome.STOPPED for trial in good), len(good))


def _stopped_early(problem: Problem, simulation: Simulation) -> Counted:
    by_number = {trial.number: trial for trial in simulation.method.record().trials}
    reached = [
        end.kimg
        for end in simulation.ends
        if math.isfinite(
            problem.run(by_number[end.number].params, by_number[end.number].seed).diverges_at
        )
    ]
    limit = EARLY * problem.space.budget.max_kimg
    return Counted(sum(kimg <= limit for kimg in reached), len(reached))
