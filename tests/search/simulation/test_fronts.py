"""The front that a record gives where the truth is known: nothing false on it, nothing missed."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gansearch.pareto import non_dominated
from gansearch.record import Outcome, StudyRecord
from gansearch.report.front.selection import select
from gansearch.search.samplers.registry import SAMPLERS
from gansearch.search.simulation.simulate import Cluster, Curve, Simulation, simulate
from gansearch.search.stopping.registry import STOPPING_RULES
from gansearch.settings import Params
from gansearch.space import Space

METRICS = ("fd_digits", "seconds_per_kimg", "peak_memory_mib")
RUNGS, FULL = (1.0, 3.0, 9.0), 27.0
COUNT = 24
MEMORY = 300.0
"""Of a device, in MiB: some configurations need more."""


@dataclass(frozen=True)
class Drawn:
    """So many configurations with curves drawn from a seed; some diverge and some do not fit."""

    seed: int
    search: dict[str, Any]
    trials: int = COUNT

    @cached_property
    def space(self) -> Space:
        return Space.model_validate(
            {
                "name": "drawn",
                "variant": ("gan",),
                "parameters": {"d_steps": {"type": "choice", "values": tuple(range(COUNT))}},
                "objectives": tuple({"metric": m, "direction": "minimize"} for m in METRICS),
                "budget": {"trials": self.trials, "max_kimg": FULL, "rungs": RUNGS},
                "search": {"retries": 99, **self.search},
            }
        )

    def run(self, params: Params, seed: int) -> Curve:
        draw = np.random.default_rng((self.seed, int(params["d_steps"])))
        final, seconds = draw.lognormal(), draw.uniform(0.3, 3)
        memory, slowness = draw.uniform(50, 1.2 * MEMORY), draw.uniform(1, 10)
        diverges_at = draw.uniform(0, FULL) if draw.random() < 0.2 else math.inf
        points = tuple(kimg for kimg in (*RUNGS, FULL) if kimg < diverges_at)
        quality = tuple(final * (1 + 20 * math.exp(-kimg / slowness)) for kimg in points)
        return Curve(points, {METRICS[0]: quality}, seconds, memory, diverges_at)

    @cached_property
    def truth(self) -> dict[int, list[float]]:
        """Objectives of each configuration that can be trained to the end."""
        curves = {n: self.run({"d_steps": n}, 0) for n in range(COUNT)}
        return {
            n: [curve.quality[METRICS[0]][-1], curve.seconds_per_kimg, curve.peak_memory_mib]
            for n, curve in curves.items()
            if curve.kimg[-1:] == (FULL,) and curve.peak_memory_mib <= MEMORY
        }

    def front(self, among: set[int]) -> set[int]:
        """Those of some configurations that no other one of them dominates."""
        numbers = sorted(among)
        points: NDArray[np.float64] = np.array([self.truth[n] for n in numbers]).reshape(-1, 3)
        return {n for n, best in zip(numbers, non_dominated(points), strict=True) if best}


clusters = st.builds(
    Cluster,
    workers=st.integers(1, 6),
    speeds=st.sampled_from([(1.0,), (1.0, 0.25)]),
    memory_mib=st.just(MEMORY),
    startup_s=st.sampled_from([0.0, 0.5]),
    delay_s=st.sampled_from([0.0, 1.0]),
    crash_s=st.sampled_from([math.inf, 100.0]),
    seed=st.integers(0, 9),
)
searches = st.fixed_dictionaries(
    {
        "sampler": st.sampled_from([name for name in SAMPLERS if name != "pbt"]),
        "stopping": st.sampled_from(list(STOPPING_RULES)),
        "retries": st.sampled_from([0, 99]),
    }
)


def tried(record: StudyRecord, outcome: Outcome) -> set[int]:
    return {int(t.params["d_steps"]) for t in record.trials if t.outcome is outcome}


@settings(max_examples=25)
@given(st.integers(0, 99), searches, clusters, st.floats(0, 1))
def test_a_front_consists_of_completed_trials(
    seed: int, search: dict[str, Any], cluster: Cluster, share: float
) -> None:
    problem = Drawn(seed, search)
    spent = simulate(problem, cluster).gpu_seconds
    simulation: Simulation = simulate(problem, cluster, gpu_seconds=share * spent)
    record = simulation.method.record()
    completed = tried(record, Outcome.COMPLETED)
    assert completed <= problem.truth.keys()
    front = select(problem.space, record).front
    for trial in front:
        assert trial.outcome is Outcome.COMPLETED
        assert trial.last is not None
        assert trial.last.kimg == FULL
        values = [trial.last.metrics[metric] for metric in METRICS]
        assert values == problem.truth[int(trial.params["d_steps"])]
    assert {int(trial.params["d_steps"]) for trial in front} == problem.front(completed)


@settings(max_examples=15)
@given(st.integers(0, 99), clusters)
def test_a_grid_trained_to_the_end_finds_the_whole_front(seed: int, cluster: Cluster) -> None:
    problem = Drawn(seed, {"sampler": "grid", "stopping": "none"})
    record = simulate(problem, cluster).method.record()
    found = {int(trial.params["d_steps"]) for trial in select(problem.space, record).front}
    assert found == problem.front(set(problem.truth))


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name not in ("grid", "pbt")])
def test_a_long_study_finds_nearly_the_whole_front(sampler: str) -> None:
    found, there = 0, 0
    for seed in range(2):
        problem = Drawn(seed, {"sampler": sampler, "stopping": "none", "seed": seed}, 3 * COUNT)
        record = simulate(problem, Cluster(workers=4, memory_mib=MEMORY)).method.record()
        front = problem.front(set(problem.truth))
        found += len(front & tried(record, Outcome.COMPLETED))
        there += len(front)
    assert found >= 0.95 * there
