"""Simulated studies: the clock, what goes wrong with machines, and that decisions do not change."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymoo.indicators.hv import HV

from gansearch.errors import StudyError
from gansearch.record import Outcome, Report, StudyRecord
from gansearch.report.front.selection import select
from gansearch.search.feasibility import memory_excess
from gansearch.search.policy import Ask, Policy
from gansearch.search.samplers.registry import SAMPLERS
from gansearch.search.simulation.simulate import (
    Cluster,
    Problem,
    Simulation,
    hypervolume_over_time,
    policy,
    simulate,
)
from gansearch.search.stopping.registry import STOPPING_RULES
from gansearch.space import Space

POINTS = (5.0, 10.0, 30.0)
MakeProblem = Callable[..., Problem]
NAMES = [name for name in SAMPLERS if name not in ("grid", "pbt")]
ROUGH = Cluster(workers=4, speeds=(1.0, 0.5), startup_s=0.3, delay_s=0.2, crash_s=4.0)


# --- The clock ----------------------------------------------------------------------------------


class Scripted:
    """Hands out so many trials, stops none, and notes every call with its moment."""

    def __init__(self, count: int, clock: Callable[[], float]) -> None:
        self.left, self.count, self.clock = count, count, clock
        self.calls: list[tuple[float, str, int]] = []

    def ask(self) -> Ask | None:
        if not self.left:
            return None
        self.left -= 1
        number = self.count - self.left - 1
        self.note("ask", number)
        return Ask(number, {"variant": "gan", "d_steps": number + 1, "g_lr": 2e-4}, seed=0)

    def report(self, number: int, report: Report) -> bool:
        self.note(f"report {report.kimg:g}", number)
        return True

    def tell(self, number: int, outcome: Outcome, reason: str = "") -> None:
        self.note(str(outcome), number)

    def record(self) -> StudyRecord:
        raise NotImplementedError

    def note(self, what: str, number: int) -> None:
        self.calls.append((round(self.clock(), 6), what, number))


def test_two_trials_on_one_device_and_on_two(landscape: MakeProblem) -> None:
    alone, together = (
        simulate(landscape(), Cluster(workers), lambda _, clock: Scripted(2, clock))
        for workers in (1, 2)
    )
    first = [
        (0, "ask", 0),
        (0.5, "report 5", 0),
        (1, "report 10", 0),
        (3, "report 30", 0),
        (3, "completed", 0),
    ]
    later = [(4, "report 5", 1), (5, "report 10", 1), (9, "report 30", 1), (9, "completed", 1)]
    assert alone.method.calls == [*first, (3, "ask", 1), *later]  # type: ignore[attr-defined]
    moments = [moment for moment, *_ in together.method.calls]  # type: ignore[attr-defined]
    assert moments == sorted(moments)
    assert (alone.now, together.now) == (pytest.approx(9), pytest.approx(6))
    assert alone.gpu_seconds == together.gpu_seconds == pytest.approx(9)
    assert [(end.number, round(end.gpu_seconds, 6)) for end in together.ends] == [(0, 6), (1, 9)]


def test_a_fast_device_is_busy_for_less_and_reports_the_same_cost(
    landscape: MakeProblem,
) -> None:
    slow, fast = (
        simulate(landscape(trials=1, diverging=False), Cluster(1, speeds=(speed,)))
        for speed in (1.0, 4.0)
    )
    assert slow.gpu_seconds == pytest.approx(4 * fast.gpu_seconds)
    reports = [each.method.record().trials[0].reports for each in (slow, fast)]
    assert reports[0] == reports[1]


def test_the_budget_of_gpu_seconds_ends_a_study_where_it_is(
    landscape: MakeProblem,
) -> None:
    whole = simulate(landscape(), Cluster(3))
    part = simulate(landscape(), Cluster(3), gpu_seconds=whole.gpu_seconds / 2)
    assert part.gpu_seconds == pytest.approx(whole.gpu_seconds / 2)
    assert part.ends == whole.ends[: len(part.ends)]
    assert any(trial.outcome is None for trial in part.method.record().trials)


# --- What goes wrong ----------------------------------------------------------------------------


def test_a_trial_that_needs_more_memory_than_there_is_ends_at_once(
    landscape: MakeProblem,
) -> None:
    simulation = simulate(landscape(stopping="none"), replace(ROUGH, memory_mib=60))
    for trial in simulation.method.record().trials:
        too_large = 10 + 20 * float(trial.params["d_steps"]) > 60
        assert (trial.outcome == Outcome.OUT_OF_MEMORY) == too_large
        assert not (too_large and trial.reports)
        excess = memory_excess(trial)
        assert (excess is not None) == (too_large or bool(trial.reports))
        assert excess is None or (excess > 0) == too_large


def test_crashed_trials_continue_from_their_last_report_until_their_retries_are_used_up(
    landscape: MakeProblem,
) -> None:
    calm, patient, strict = (
        simulate(landscape(stopping="none", diverging=False, retries=retries), cluster)
        for retries, cluster in ((0, replace(ROUGH, crash_s=math.inf)), (99, ROUGH), (0, ROUGH))
    )
    assert patient.gpu_seconds > calm.gpu_seconds
    whole = calm.method.record().trials
    for before, after in zip(whole, patient.method.record().trials, strict=True):
        assert (after.outcome, after.reports) == (Outcome.COMPLETED, before.reports)
    for before, after in zip(whole, strict.method.record().trials, strict=True):
        assert after.reports == before.reports[: len(after.reports)]
        assert after.outcome == (Outcome.COMPLETED if len(after.reports) == 3 else Outcome.FAILED)
    assert any(trial.outcome == Outcome.FAILED for trial in strict.method.record().trials)


def test_a_rung_that_the_problem_does_not_know_is_refused(
    landscape: MakeProblem,
) -> None:
    problem = landscape(diverging=False)
    budget = problem.space.budget.model_copy(update={"rungs": (7.0,)})
    odd = replace(problem, space=problem.space.model_copy(update={"budget": budget}))
    with pytest.raises(StudyError, match="no value at 7 kimg, only at 5, 10, 30"):
        simulate(odd, Cluster())


# --- The same decisions -------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", NAMES)
def test_same_seeds_same_decisions(sampler: str, landscape: MakeProblem) -> None:
    runs = [simulate(landscape(sampler=sampler, trials=20), ROUGH) for _ in range(2)]
    assert runs[0].method.record() == runs[1].method.record()
    assert runs[0].ends == runs[1].ends
    other = simulate(landscape(sampler=sampler, trials=20), replace(ROUGH, seed=1))
    assert other.ends != runs[0].ends


def revived(space: Space, before: Policy, clock: Callable[[], float]) -> Policy:
    """A policy made from the record of another, with its running trials asked for again."""
    after = Policy(space, before.record(), clock=clock)
    for trial in before.record().trials:
        if trial.outcome is None:
            assert after.ask() == Ask(trial.number, trial.params, trial.seed, resume=trial.last)
    return after


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(
    kills=st.sets(st.integers(0, 80), min_size=1, max_size=4),
    search=st.fixed_dictionaries(
        {
            "sampler": st.sampled_from(NAMES),
            "stopping": st.sampled_from(list(STOPPING_RULES)),
            "seed": st.integers(0, 5),
            "replicates": st.sampled_from([1, 3]),
        }
    ),
)
def test_a_policy_rebuilt_at_any_moment_decides_like_an_uninterrupted_one(
    kills: set[int], search: dict[str, Any], landscape: MakeProblem
) -> None:
    problem = landscape(trials=16, **search)
    whole = simulate(problem, ROUGH)
    killed = Simulation(problem, ROUGH)
    killed.method = policy(problem.space, killed.clock)
    killed.start()
    step = 0
    while killed.step():
        step += 1
        if step in kills:
            killed.method = revived(problem.space, killed.method, killed.clock)
    assert killed.method.record() == whole.method.record()
    assert killed.ends == whole.ends


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(
    share=st.floats(0, 1),
    sampler=st.sampled_from(["random", "nsga2"]),
    crash_s=st.sampled_from([1.0, 5.0, math.inf]),
)
def test_a_study_whose_driver_and_workers_died_loses_no_report_and_ends_every_trial_once(
    share: float, sampler: str, crash_s: float, landscape: MakeProblem
) -> None:
    problem, cluster = landscape(sampler=sampler), replace(ROUGH, crash_s=crash_s)
    whole = simulate(problem, cluster).gpu_seconds
    before = simulate(problem, cluster, gpu_seconds=share * whole).method.record()
    after = simulate(problem, cluster, lambda space, clock: Policy(space, before, clock=clock))
    record = after.method.record()
    assert len(record.trials) == problem.space.budget.trials
    for old, new in zip(before.trials, record.trials, strict=False):
        assert new.params == old.params
        assert new.reports[: len(old.reports)] == old.reports
        assert old.outcome in (None, new.outcome)
    assert all(trial.outcome is not None for trial in record.trials)
    continued = [trial.number for trial in before.trials if trial.outcome is None]
    fresh = range(len(before.trials), len(record.trials))
    assert sorted(end.number for end in after.ends) == sorted([*continued, *fresh])


# --- The front ----------------------------------------------------------------------------------


def test_nothing_but_completed_trials_is_on_the_front(landscape: MakeProblem) -> None:
    problem, cluster = landscape(trials=40), replace(ROUGH, memory_mib=100, crash_s=30)
    whole = simulate(problem, cluster)
    part = simulate(problem, cluster, gpu_seconds=0.8 * whole.gpu_seconds)
    for study in (part, whole):
        record = study.method.record()
        outcomes = {trial.outcome for trial in record.trials}
        assert {Outcome.STOPPED, Outcome.DIVERGED, Outcome.OUT_OF_MEMORY} <= outcomes
        front = select(problem.space, record).front
        assert front
        for trial in front:
            assert trial.outcome == Outcome.COMPLETED
            assert [report.kimg for report in trial.reports] == list(POINTS)


def test_hypervolume_over_time_is_that_of_the_points_so_far(
    landscape: MakeProblem,
) -> None:
    generator = np.random.default_rng(0)
    points = generator.uniform(0, 1.2, (60, 3))
    moments = np.sort(generator.uniform(0, 100, 60))
    steps = hypervolume_over_time(moments.tolist(), points, [1.0, 1.0, 1.0])
    assert [moment for moment, _ in steps] == sorted(moment for moment, _ in steps)
    volumes = dict(steps)
    last = 0.0
    for i, moment in enumerate(moments):
        last = volumes.get(moment, last)
        assert last == pytest.approx(HV(ref_point=np.ones(3))(points[: i + 1]), rel=1e-9, abs=1e-12)
