"""Acquisition values of candidates, and their state, which is computed ahead of decisions."""

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.search.surrogate import Surrogate
from gansearch.pareto import hypervolume
from gansearch.record import Outcome
from gansearch.search.bayesian.acquisition import (
    CandidatePool,
    FrontsByRung,
    acquisition_values,
)
from gansearch.search.bayesian.ehvi import BoxDecomposition
from gansearch.search.bayesian.observations import Observation, Snapshot
from gansearch.search.bayesian.posterior import Posterior, Prediction
from gansearch.search.bayesian.surrogate import fit_hyperparameters
from gansearch.search.policy import Policy
from gansearch.search.simulation.simulate import Cluster, Simulation, policy
from gansearch.space import Space

WORKERS = 32
"""So many workers that a version of the surrogates takes effect several events after its
observations."""


def test_a_study_killed_before_a_version_takes_effect_continues_the_same(
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


def posterior_of(inputs: dict[int, np.ndarray]) -> Posterior:
    """Return the posterior of trials whose quality depends on the first coordinate alone."""
    reports = [
        Observation(
            number, rung, (float(np.sin(6 * x) + 1 / (1 + rung)),), (1.0, float(y)), (0.0, 0.0)
        )
        for number, (x, y) in inputs.items()
        for rung in range(3)
    ]
    outcomes = dict.fromkeys(inputs, Outcome.COMPLETED)
    violations = dict.fromkeys(outcomes, -1.0)
    snapshot = Snapshot(inputs, reports, violations, {n: str(n) for n in inputs})
    hyperparameters = fit_hyperparameters(np.array([0, 1]), snapshot, 3)
    return Posterior(hyperparameters, snapshot, outcomes, np.array([np.inf, np.inf]))


STEPS = np.linspace(0.02, 0.98, 15)
GRID = np.stack(np.meshgrid(STEPS, STEPS), axis=-1).reshape(-1, 2)
"""Candidates on a grid; eight trials leave most of them uncertain."""


def pool_of(seed: int) -> tuple[CandidatePool, list[np.ndarray]]:
    """Return a pool of the grid, and the kernel inputs of the eight trials before."""
    inputs = dict(enumerate(np.random.default_rng(seed).random((8, 2))))
    posterior = posterior_of(inputs)
    reference_point = posterior.objectives.max(axis=0) + 0.5
    return CandidatePool(posterior, reference_point, GRID, GRID), [*inputs.values()]


@pytest.mark.parametrize("seed", range(4))
def test_two_trials_in_a_row_are_not_neighbours(seed: int) -> None:
    pool, inputs = pool_of(seed)
    first = next(pool.by_acquisition_value())
    pool.add_pending([*inputs, GRID[first]])
    second = next(pool.by_acquisition_value())
    distances = np.abs(GRID[first] - GRID[second]) / (STEPS[1] - STEPS[0])
    assert distances.max() > 0.5
    assert distances[0] < 0.5 or distances.max() > 1.5  # the quality depends on the first


def test_candidates_are_ordered_by_their_values_given_the_pending_trials() -> None:
    pool, inputs = pool_of(0)
    pending = [*inputs, GRID[next(pool.by_acquisition_value())], GRID[112]]
    pool.add_pending(pending)
    assert pool.trials == 10
    boxes = BoxDecomposition(pool._front, pool._reference_point)
    values = acquisition_values(pool._prediction(), boxes)
    found = values[list(pool.by_acquisition_value())]
    assert sorted(found, reverse=True) == found.tolist()
    assert found[0] == values.max()


def test_pending_trials_are_accounted_for_once_however_they_are_added() -> None:
    (at_once, inputs), (one_by_one, _) = pool_of(1), pool_of(1)
    pending = [*inputs, *GRID[[3, 80, 200]]]
    at_once.add_pending(pending)
    for count in range(len(inputs), len(pending) + 1):
        one_by_one.add_pending(pending[:count])
        one_by_one.add_pending(pending[:count])
    assert [*at_once.by_acquisition_value()] == [*one_by_one.by_acquisition_value()]


def test_a_value_is_the_feasible_improvement_per_second() -> None:
    front, reference_point = np.array([[1.0, 3.0], [2.0, 1.0]]), np.array([4.0, 4.0])
    means = np.array([[0.5, 2.0]] * 2)
    prediction = Prediction(
        means, np.array([[1e-9, 0.0]] * 2), np.array([1.0, 4.0]), np.array([1.0, 0.5])
    )
    values = acquisition_values(prediction, BoxDecomposition(front, reference_point))
    before = hypervolume(front, reference_point)
    improvement = hypervolume([*front, means[0]], reference_point) - before
    np.testing.assert_allclose(values, [improvement, improvement / 8], rtol=1e-6)


def test_a_trial_on_the_front_improves_only_the_front_without_it() -> None:
    posterior = posterior_of(dict(enumerate(np.random.default_rng(0).random((8, 2)))))
    reference_point = posterior.objectives.max(axis=0) + 0.5
    fronts = FrontsByRung(posterior, reference_point)
    index = int(posterior.front[0])
    objectives, exact = posterior.objectives[[index]], np.array([[1e-9, 0.0]])
    (with_it,) = BoxDecomposition(posterior.front_at(0), reference_point).ehvi(objectives, exact)
    (without,) = fronts.without(posterior.numbers[index], 0).ehvi(objectives, exact)
    assert with_it == pytest.approx(0, abs=1e-6)
    assert without > 1e-3
