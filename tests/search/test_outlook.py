"""Beliefs that are worked out ahead of the decisions that rest on them."""

from collections.abc import Callable
from dataclasses import replace

import optuna
from optuna.samplers import RandomSampler

from benchmarks.search.surrogate import Surrogate
from gansearch.record import TrialRecord
from gansearch.search.bayesian.history import History, Moment
from gansearch.search.policy import Policy
from gansearch.search.simulate import Cluster, Simulation, policy
from gansearch.space import Space

WORKERS = 32
"""So many that a step holds from several events after its moment on."""


def test_a_study_that_was_killed_between_a_moment_and_its_step_goes_on_the_same(
    with_search: Callable[..., Space],
) -> None:
    base = Surrogate()
    space = with_search(base.space, 100, sampler="pareto", stopping="pareto")
    records = []
    for kills in (set(), {100, 101, 103, 107, 150}):
        study = Simulation(base.with_space(space), Cluster(WORKERS, delay_s=0.1))
        study.method = policy(space, study.clock)
        study.start()
        steps = 0
        while study.step():
            steps += 1
            if steps in kills:
                before = study.method.record()
                study.method = Policy(space, before, clock=study.clock)
                for _ in filter(lambda trial: trial.outcome is None, before.trials):
                    study.method.ask()
        records.append(study.method.record())
    assert records[0] == records[1]


def test_a_step_holds_half_of_the_events_between_moments_later() -> None:
    problem = Surrogate()
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    params = problem.space.suggest(study.ask())
    trials = [TrialRecord(number, params, 0, started=1.0) for number in range(64)]
    history = History(problem.space)
    for trial in trials:
        history.add(trial)
    report = problem.run(params, 0).report(1.0)
    held = []
    for trial in trials:
        history.report(replace(trial, reports=(report,)))
        held.append(history.step and history.step.moment)
    # 64 run: a moment each 64^1.5 / 16 = 32 events, the first one with 8 reports; 16 until it holds
    first, second = Moment(64, 8, 0), Moment(64, 40, 0)
    assert held == [None] * 23 + [first] * 32 + [second] * 9
