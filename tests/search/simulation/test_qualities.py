"""Studies of several qualities that change with training: who is stopped, and what is found."""

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.search.compare import budget_of
from benchmarks.search.measures import Worth, worth
from benchmarks.search.qualities import QUALITIES
from gansearch.pareto import non_dominated
from gansearch.search.simulation.simulate import Cluster, simulate
from gansearch.space import Space

FEW, MANY = ("fid-recall", "fid-recall-time"), tuple(QUALITIES)


def studies(
    name: str, stopping: str, seeds: int, trainings: int, with_search: Callable[..., Space]
) -> list[Worth]:
    problem = QUALITIES[name]
    found = []
    for seed in range(seeds):
        space = with_search(problem.space, 2000, sampler="ehvi", stopping=stopping, seed=seed)
        limit = budget_of(problem, trainings)
        study = simulate(problem.with_space(space), Cluster(4, seed=seed), gpu_seconds=limit)
        found.append(worth(problem, study))
    return found


def falsely_stopped(found: list[Worth]) -> float:
    """The share of the trials that nothing in their study dominates."""
    many = sum(each.falsely_stopped.many for each in found)
    return sum(each.falsely_stopped.some for each in found) / many


@pytest.mark.parametrize("name", FEW)
def test_a_quality_that_grows_has_nothing_good_stopped(
    name: str, with_search: Callable[..., Space]
) -> None:
    assert falsely_stopped(studies(name, "ehvi", 2, 24, with_search)) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", MANY)
def test_stopping_loses_no_hypervolume(name: str, with_search: Callable[..., Space]) -> None:
    stopped, free = (studies(name, each, 6, 60, with_search) for each in ("ehvi", "none"))
    assert falsely_stopped(stopped) < 0.05
    volumes = [np.mean([each.steps[-1][1] for each in method]) for method in (stopped, free)]
    assert volumes[0] >= 0.99 * volumes[1]


@pytest.mark.parametrize("name", QUALITIES)
def test_their_fronts_are_the_true_ones(name: str) -> None:
    problem = QUALITIES[name]
    assert non_dominated(problem.front).all()
    extent = np.ptp(problem.front, axis=0)
    for point in problem.usual:  # a front of so many points lets some through between them
        assert not (problem.front >= point + 0.1 * extent).all(axis=1).any()


@pytest.mark.parametrize("name", QUALITIES)
def test_a_report_at_the_full_budget_tells_the_truth(name: str) -> None:
    problem = QUALITIES[name]
    params = problem.optimal[0]
    reports = [problem.run(params, seed).report(27.0).metrics for seed in range(40)]
    mean = [
        o.minimised(float(np.mean([metrics[o.metric] for metrics in reports])))
        for o in problem.space.objectives
    ]
    np.testing.assert_allclose(mean, problem.truth(params), rtol=0.03, atol=0.01)
