"""Population-based training: schedules that beat every constant, and children with a past."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gansearch.errors import SpaceError, StudyError
from gansearch.pareto import hypervolume
from gansearch.record import Ancestor, Outcome, Report, StudyRecord, TrialRecord
from gansearch.search.policy import Ask, Policy
from gansearch.search.samplers.pbt import perturb
from gansearch.search.simulation.simulate import Cluster, Curve, Simulation, policy, simulate
from gansearch.settings import Params
from gansearch.space import Space, parse_space
from gansearch.variants.catalog import CATALOG

RUNGS = tuple(float(kimg) for kimg in range(1, 10))
FULL = 10.0
STEPS = 10
"""Of gradient descent in a kimg."""

YAML = f"""
name: descent
variant: dcgan
data: {{name: digits}}
parameters:
  g_lr: {{type: float, low: 1e-3, high: 0.9, log: true}}
  d_steps: [1, 2, 4]
objectives: {{fd_digits: minimize, seconds_per_kimg: minimize}}
budget: {{trials: 1000, max_kimg: {FULL:g}, rungs: {list(RUNGS)}}}
search: {{sampler: pbt, population: 12, seed: SEED}}
"""


def space_of(seed: int = 0, **changes: str) -> Space:
    text = YAML.replace("SEED", str(seed))
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return parse_space(text, "descent.yaml")


ALONE = {"d_steps: [1, 2, 4]": "d_steps: 1", ", seconds_per_kimg: minimize": ""}
"""Without the number of steps and the time that they take."""


def descend(loss: float, rate: float, noise: float, kimg: float) -> float:
    """E[x²] after noisy gradient descent on x²/2: a rate that is good early is bad late."""
    for _ in range(round(STEPS * kimg)):
        loss = (1 - rate) ** 2 * loss + rate**2 * noise
    return loss


def best_constant(noise: float) -> float:
    return min(descend(1.0, rate, noise, FULL) for rate in np.geomspace(1e-3, 0.9, 1000))


def best_schedule(noise: float) -> float:
    """With the best rate v / (v + s) at each step, 1/v grows by 1/s."""
    return 1 / (1 + STEPS * FULL / noise)


@dataclass(frozen=True)
class Descent:
    """Steps of the discriminator average the noise away and take time."""

    space: Space

    def run(self, params: Params, seed: int) -> Curve:
        return self.continued((), params, seed)

    def continued(self, lineage: Sequence[Ancestor], params: Params, seed: int) -> Curve:
        steps = float(params["d_steps"])
        stages = [*((a.kimg, a.params) for a in lineage), (FULL, params)]
        points, loss = (*RUNGS, FULL), 1.0
        quality = []
        for before, point in pairwise((0.0, *points)):
            held = next(params for until, params in stages if before < until)
            noise = 1 / float(held["d_steps"])
            loss = descend(loss, float(held["g_lr"]), noise, point - before)
            quality.append(loss)
        return Curve(points, {"fd_digits": quality}, seconds_per_kimg=steps, peak_memory_mib=steps)


# --- What it finds ------------------------------------------------------------------------------


def final(trial: TrialRecord, metric: str = "fd_digits") -> float:
    assert trial.last is not None
    assert trial.last.kimg == FULL
    return trial.last.metrics[metric]


def completed(record: StudyRecord) -> list[TrialRecord]:
    return [trial for trial in record.trials if trial.outcome is Outcome.COMPLETED]


@pytest.mark.parametrize("workers", [1, 6])
def test_a_decaying_rate_beats_every_constant_one(workers: int) -> None:
    """In the time of 24 trainings: a search over constants cannot, however long."""
    for seed in range(3):
        space = space_of(seed, **ALONE, **{"population: 12": "population: 6"})
        study = simulate(Descent(space), Cluster(workers), gpu_seconds=240).method.record()
        best = min(completed(study), key=final)
        assert best_schedule(1.0) <= final(best) < best_constant(1.0)
        rates = [
            float(params["g_lr"]) for params in (*(a.params for a in best.lineage), best.params)
        ]
        assert rates[-1] < rates[0] / 2


def test_its_front_is_beyond_that_of_the_best_constants() -> None:
    def volume(points: list[tuple[float, float]]) -> float:
        return hypervolume([(math.log(loss), seconds) for loss, seconds in points], (0.0, 5.0))

    constants = [(best_constant(1 / steps), float(steps)) for steps in (1, 2, 4)]
    schedules = [(best_schedule(1 / steps), float(steps)) for steps in (1, 2, 4)]
    for seed in range(2):
        study = simulate(Descent(space_of(seed)), Cluster(4), gpu_seconds=800).method.record()
        points = [(final(trial), final(trial, "seconds_per_kimg")) for trial in completed(study)]
        assert volume(constants) < volume(points) < volume(schedules)


# --- What a child is ----------------------------------------------------------------------------


def test_a_child_continues_a_trial_that_was_among_the_best_at_a_rung() -> None:
    record = simulate(Descent(space_of()), Cluster(5), gpu_seconds=400).method.record()
    children = [trial for trial in record.trials if trial.lineage]
    assert children
    for child in children:
        origin = child.lineage[-1]
        parent = record.trials[origin.number]
        assert child.lineage[:-1] == parent.lineage
        assert (origin.params, child.seed) == (parent.params, parent.seed)
        assert origin.kimg in [report.kimg for report in parent.reports]
        assert origin.kimg in RUNGS
        assert child.params != parent.params
        changed = {name for name in child.params if child.params[name] != parent.params[name]}
        assert changed <= CATALOG[str(child.params["variant"])].settings.live()
        assert all(report.kimg > origin.kimg for report in child.reports)


def test_a_childs_costs_are_of_the_whole_run_from_its_beginning_on() -> None:
    """d_steps seconds a kimg: the device trains the last stage, and the record has the mean."""
    record = simulate(Descent(space_of()), Cluster(1), gpu_seconds=400).method.record()
    children = [trial for trial in completed(record) if trial.lineage]
    for child in children:
        ends = [*(a.kimg for a in child.lineage), FULL]
        steps = [float(p["d_steps"]) for p in (*(a.params for a in child.lineage), child.params)]
        spans = [end - begin for begin, end in pairwise((0.0, *ends))]
        seconds = sum(span * step for span, step in zip(spans, steps, strict=True))
        assert final(child, "seconds_per_kimg") == pytest.approx(seconds / FULL)
        assert child.ended is not None
        assert child.ended - child.started == pytest.approx(spans[-1] * steps[-1])


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_perturbed_settings_stay_within_the_space(seed: int) -> None:
    space = parse_space(
        """
variant: dcgan
data: {name: digits}
parameters:
  g_lr: {type: float, low: 1e-4, high: 1e-3, log: true}
  d_lr_ratio: {type: float, low: 0.5, high: 4, step: 0.25}
  g_steps: {type: int, low: 1, high: 3}
  d_steps: [adaptive, 1, 2, 5]
  d_target: {type: choice, values: [0.6, 0.8], when: {d_steps: [adaptive]}}
  r1_gamma: [0, 1, 10]
  beta1: {type: float, low: 0, high: 0.9, when: {g_steps: [3]}}
  g_channels: [8, 16]
objectives: {fd_digits: minimize}
budget: {max_kimg: 2, rungs: [1]}
search: {sampler: pbt, population: 4}
""",
        "s.yaml",
    )
    random = np.random.default_rng(seed)
    params = space.nearest("dcgan", {"d_steps": random.choice(["adaptive", "2"]), "r1_gamma": 1})
    for _ in range(5):
        child = perturb(space, params, random)
        assert all(
            space.parameters[name].admits(child[name]) for name in child if name != "variant"
        )
        assert child.keys() == params.keys()
        assert all(
            child[name] == params[name] for name in child.keys() - CATALOG["dcgan"].settings.live()
        )
        assert (child["d_steps"] == "adaptive") == (params["d_steps"] == "adaptive")
        assert child["r1_gamma"] != 0
        space.train_config(child, 0, [Ancestor(0, params, 1.0)])  # a run that can be trained
        params = child


# --- What a study does with it ------------------------------------------------------------------


@given(kills=st.sets(st.integers(0, 150), min_size=1, max_size=4), seed=st.integers(0, 3))
@settings(max_examples=6)
def test_a_policy_rebuilt_at_any_moment_decides_like_an_uninterrupted_one(
    kills: set[int], seed: int
) -> None:
    changes = {"population: 12": "population: 4", "trials: 1000": "trials: 24"}
    problem, cluster = Descent(space_of(seed, **changes)), Cluster(3, crash_s=40.0)
    whole = simulate(problem, cluster)
    assert any(trial.lineage for trial in whole.method.record().trials)
    killed = Simulation(problem, cluster)
    killed.method = policy(problem.space, killed.clock)
    killed.start()
    for step in range(10_000):
        if step in kills:
            killed.method = revived(problem.space, killed.method.record(), killed)
        if not killed.step():
            break
    assert killed.method.record() == whole.method.record()
    assert killed.ends == whole.ends


def revived(space: Space, record: StudyRecord, simulation: Simulation) -> Policy:
    """A policy made from a record, with its running trials asked for again."""
    after = Policy(space, record, clock=simulation.clock)
    for trial in record.trials:
        if trial.outcome is None:
            asked = after.ask()
            assert asked is not None
            assert (asked.number, asked.resume, asked.lineage) == (
                trial.number,
                trial.last,
                trial.lineage,
            )
            if trial.lineage:
                assert asked.begin is not None
                assert asked.begin.kimg == trial.lineage[-1].kimg
    return after


def test_reports_of_repeated_parent_training_are_ignored() -> None:
    """Its parent's weights were lost: it comes to the rungs before its beginning once more."""
    changes = {"population: 12": "population: 4", "trials: 1000": "trials: 24"}
    decides = policy(space_of(**changes), iter(range(10_000)).__next__)
    child = first_child(decides)
    assert child.begin is not None
    for kimg in RUNGS[: RUNGS.index(child.begin.kimg) + 1]:
        assert decides.report(child.number, replace(child.begin, kimg=kimg))
    assert decides.record().trials[child.number].reports == ()
    assert decides.report(child.number, replace(child.begin, kimg=child.begin.kimg + 1))
    assert len(decides.record().trials[child.number].reports) == 1


def first_child(decides: Policy) -> Ask:
    while (ask := decides.ask()) is not None and not ask.lineage:
        metrics = {"fd_digits": 5.0 + ask.number, "seconds_per_kimg": 1.0}
        decides.report(ask.number, Report(1.0, metrics))
    assert ask is not None
    return ask


def test_a_diverged_trial_has_no_children() -> None:
    space = space_of(**{"population: 12": "population: 4"})
    search = space.search.model_copy(update={"stopping": "none"})
    decides = policy(space.model_copy(update={"search": search}), iter(range(10_000)).__next__)
    for number in range(4):
        decides.ask()
        decides.report(number, Report(1.0, {"fd_digits": number, "seconds_per_kimg": 1.0}))
    decides.tell(0, Outcome.DIVERGED)
    fresh = decides.ask()  # three are too few to choose from
    assert fresh is not None
    assert not fresh.lineage
    decides.report(4, Report(1.0, {"fd_digits": 9.0, "seconds_per_kimg": 1.0}))
    child = decides.ask()
    assert child is not None
    assert [ancestor.number for ancestor in child.lineage] == [1]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        (f"rungs: {list(RUNGS)}", "rungs: []", "budget.rungs"),
        ("g_lr: {type: float, low: 1e-3, high: 0.9, log: true}\n  d_steps", "z_dim", "g_lr"),
    ],
)
def test_a_population_without_rungs_or_settings_to_change_is_refused(
    old: str, new: str, key: str
) -> None:
    with pytest.raises(SpaceError, match=key):
        space_of(**{old: new})


def test_a_problem_without_schedules_is_refused_with_the_reason() -> None:
    @dataclass(frozen=True)
    class Constant:
        space: Space

        def run(self, params: Params, seed: int) -> Curve:
            return Descent(self.space).run(params, seed)

    with pytest.raises(StudyError, match="no curves of trials that continue"):
        simulate(Constant(space_of()), Cluster(4))
