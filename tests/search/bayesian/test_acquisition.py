"""Beliefs that are worked out ahead of the decisions that rest on them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import optuna
import pytest
from optuna.samplers import RandomSampler

from benchmarks.search.surrogate import Surrogate
from gansearch.record import Outcome, TrialRecord
from gansearch.search.bayesian.acquisition import Pool
from gansearch.search.bayesian.observations import History, Moment
from gansearch.search.bayesian.posterior import View
from gansearch.search.bayesian.surrogate import Known, Value, fit_settings
from gansearch.search.policy import Policy
from gansearch.search.simulation.simulate import Cluster, Simulation, policy
from gansearch.space import Space

WORKERS = 32
"""So many that a step holds from several events after its moment on."""


def test_a_study_that_was_killed_between_a_moment_and_its_step_goes_on_the_same(
    with_search: Callable[..., Space],
) -> None:
    base = Surrogate()
    space = with_search(base.space, 100, sampler="ehvi", stopping="ehvi")
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
    params = problem.space.plain(problem.space.sample(study.ask()))
    trials = [TrialRecord(number, params, 0, started=1.0, sampled=params) for number in range(64)]
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


@pytest.mark.parametrize("seed", range(4))
def test_two_that_are_handed_out_in_a_row_are_not_neighbours(seed: int) -> None:
    """Of a grid, where eight trials left much in doubt."""
    points = dict(enumerate(np.random.default_rng(seed).random((8, 2))))
    values = [
        Value(number, rung, (float(np.sin(6 * x) + 1 / (1 + rung)),), (1.0, float(y)), (0.0, 0.0))
        for number, (x, y) in points.items()
        for rung in range(3)
    ]
    ends = dict.fromkeys(points, Outcome.COMPLETED)
    known = Known(points, values, dict.fromkeys(ends, -1.0), {n: str(n) for n in points})
    settings = fit_settings(np.array([0, 1]), known, 3)
    view = View(settings, known, ends, np.array([np.inf, np.inf]))
    steps = np.linspace(0.02, 0.98, 15)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    pool = Pool(view, view.points.max(axis=0) + 0.5, grid, grid)
    first = next(pool.descending())
    pool.grow([*points.values(), grid[first]])
    second = next(pool.descending())
    apart = np.abs(grid[first] - grid[second]) / (steps[1] - steps[0])
    assert apart.max() > 0.5
    assert apart[0] < 0.5 or apart.max() > 1.5  # in what the quality depends on
