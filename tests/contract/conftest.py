"""A study that is killed again and again, against the same study that is not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from gansearch.record import Ancestor, StudyRecord
from gansearch.search.policy import Policy
from gansearch.search.simulation.problem import Curve
from gansearch.search.simulation.simulate import Cluster, Simulation, policy
from gansearch.settings import Params
from gansearch.space import Space, parse_space

RUNGS, FULL = (1.0, 2.0, 4.0), 8.0
YAML = """
name: small
variant: [dcgan, gan]
data: {name: digits}
parameters:
  d_steps: [1, 2, 3, 5]
  d_lr_ratio: {type: float, low: 0.5, high: 4, step: 0.5}
  dcgan: {g_lr: [1.0e-4, 2.0e-4, 5.0e-4]}
  gan: {g_lr: [0.05, 0.1, 0.2], dropout: [0, 0.5]}
  dsc:
    where: [none, generator, both]
    kernel_size: {type: choice, values: [3, 5], when: {dsc.where: [generator, both]}}
objectives: {fd_digits: minimize, seconds_per_kimg: minimize}
budget: {trials: 48, max_kimg: 8, rungs: [1, 2, 4]}
search: {sampler: random, stopping: asha, seed: 3}
"""


@dataclass(frozen=True)
class Small:
    """Trainings of a discrete space: better with more steps and slower; some diverge."""

    space: Space

    def run(self, params: Params, seed: int) -> Curve:
        return self.continued((), params, seed)

    def continued(self, lineage: Sequence[Ancestor], params: Params, seed: int) -> Curve:
        del lineage
        draw = np.random.default_rng(seed)
        steps, ratio = float(params["d_steps"]), float(params["d_lr_ratio"])
        final = 40 / steps + 10 * abs(math.log(ratio)) + draw.uniform(0, 2)
        diverges_at = FULL * draw.uniform() if draw.uniform() < 0.1 else math.inf
        points = [kimg for kimg in (*RUNGS, FULL) if kimg < diverges_at]
        quality = [final * (1 + 5 / kimg) for kimg in points]
        return Curve(points, {"fd_digits": quality}, 0.1 * steps, 10 * steps, diverges_at)


@pytest.fixture(scope="session")
def small_space() -> object:
    """Make a discrete space of two variants; keywords replace values of its ``search``."""

    def make(**search: object) -> Space:
        space = parse_space(YAML, "small.yaml")
        if search.get("sampler") == "pbt":
            search = {"population": 8, **search}
        return space.model_copy(update={"search": space.search.model_copy(update=search)})

    return make


def study(space: Space, kill_every: int | None) -> StudyRecord:
    """Simulate a study, whose driver is killed and resumed after every so many events."""
    simulation = Simulation(Small(space), Cluster(workers=3, delay_s=0.1))
    simulation.method = policy(space, simulation.clock)
    simulation.start()
    steps = 0
    while simulation.step():
        steps += 1
        if kill_every and steps % kill_every == 0:
            record = simulation.method.record()
            simulation.method = Policy(space, record, clock=simulation.clock)
            for trial in record.trials:
                if trial.outcome is None:
                    simulation.method.ask()
    return simulation.method.record()


@pytest.fixture(scope="session")
def resumes_alike() -> object:
    """Assert that a study decides alike whether or not its driver is killed."""

    def check(space: Space, kill_every: int = 7) -> StudyRecord:
        whole, killed = study(space, None), study(space, kill_every)
        for one, other in zip(whole.trials, killed.trials, strict=False):
            assert (one.params, one.lineage) == (other.params, other.lineage), (
                f"sampler {space.search.sampler!r} keeps state that is not on record: trial "
                f"{one.number} is {other.params} in a resumed study and {one.params} in an "
                "uninterrupted one. A proposal may depend on observed trials, the study's seed and "
                "the trial's number alone: see Sampler in gansearch/search/samplers/base.py"
            )
            assert one == other, (
                f"stopping rule {space.search.stopping!r} keeps state that is not on record: trial "
                f"{one.number} ends as {other.outcome} ({other.reason}) in a resumed study and as "
                f"{one.outcome} ({one.reason}) in an uninterrupted one: see StoppingRule in "
                "gansearch/search/stopping/base.py"
            )
        assert len(whole.trials) == len(killed.trials)
        return whole

    return check
