"""The policy that weighs trials by the hypervolume that they promise."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.search.compare import budget_of
from benchmarks.search.measures import worth
from benchmarks.search.problems import FUNCTIONS, FunctionProblem, unit_cube
from gansearch.record import Outcome, StudyRecord
from gansearch.search.policy import Policy
from gansearch.search.simulation.simulate import Cluster, simulate
from gansearch.space import Space, parse_space
from tests.search.sequential import Driver, driver


def test_proposals_approach_the_front_and_spread_over_it(empty: StudyRecord) -> None:
    study = driver(empty)
    for _ in range(24):
        study.train()
    asked = [study.train() for _ in range(16)]
    off = [abs(np.log10(params["g_lr"]) + 1.5) for params in asked]  # 0 on the front
    assert np.median(off) < 0.15  # of three decades
    ratios = [np.log10(params["d_lr_ratio"]) for params in asked]
    assert np.ptp(ratios) > 0.5


def test_a_bound_on_an_objective_keeps_proposals_within_it(empty: StudyRecord) -> None:
    study = driver(empty, most=60.0)
    for _ in range(24):
        study.train()
    asked = [study.train() for _ in range(16)]
    within = [Driver.report(params, 8).metrics["peak_memory_mib"] <= 60 for params in asked]
    assert np.mean(within) > 0.8


def test_a_space_without_a_choice_trains_it_again_and_again(empty: StudyRecord) -> None:
    text = (
        "variant: gan\ndata: {name: digits}\n"
        "parameters:\n  g_lr: {type: constant, value: 0.1}\n"
        "  d_lr_ratio: {type: constant, value: 1.0}\n"
        "objectives: {fd_digits: minimize, peak_memory_mib: minimize}\n"
        "budget: {trials: 20, max_kimg: 8, rungs: [1, 2, 4]}\n"
    )
    study = Driver(Policy(parse_space(text, "s.yaml"), empty))
    for _ in range(20):
        study.train()
    assert all(t.outcome == Outcome.COMPLETED for t in study.policy.record().trials)


def test_equal_seeds_propose_alike_and_other_seeds_differently(empty: StudyRecord) -> None:
    def asked(seed: int) -> list[dict[str, Any]]:
        study = driver(empty, seed=seed)
        return [study.train() for _ in range(14)]

    assert asked(0) == asked(0)
    assert asked(0)[1:] != asked(1)[1:]


def test_the_first_random_trials_are_spread_evenly(empty: StudyRecord) -> None:
    study = driver(empty)
    asked = [study.policy.ask() for _ in range(9)]
    drawn = [ask.params for ask in asked[1:] if ask is not None]  # the first is the paper's
    places = np.log10([params["g_lr"] for params in drawn]) / 3 + 1  # in its range
    assert sorted((places * 8).astype(int)) == list(range(8))


def test_the_best_is_found_where_it_is_expensive_and_rare(
    with_search: Callable[..., Space],
) -> None:
    def dear(x: Any) -> Any:  # 1 in 9 costs more than half of what the best does
        return np.stack([1 - x[:, 0] + (x[:, 1] - 0.5) ** 2, x[:, 0] ** 6], axis=1)

    def front() -> Any:
        return np.pad(np.linspace(0, 1, 101)[:, None], ((0, 0), (0, 1)), constant_values=0.5)

    problem = FunctionProblem("dear", unit_cube("dear", 2, 2), dear, 2, front)
    found = []
    for seed in range(3):
        space = with_search(problem.space, 60, sampler="ehvi", stopping="ehvi", seed=seed)
        study = simulate(problem.with_space(space), Cluster(4, seed=seed))
        done = [t for t in study.method.record().trials if t.outcome == Outcome.COMPLETED]
        found.append(min(problem.truth(trial.params)[0] for trial in done))
    assert np.median(found) < 0.08


@pytest.mark.parametrize("name", ["zdt2", "branin-currin"])
def test_it_finds_more_than_random_search_in_the_same_time(
    name: str, with_search: Callable[..., Space]
) -> None:
    problem = FUNCTIONS[name]
    limit = budget_of(problem, 12)
    finals: dict[str, list[float]] = {"ehvi": [], "random": []}
    for method, found in finals.items():
        stopping = "none" if method == "random" else method
        for seed in range(2):
            space = with_search(problem.space, 2000, sampler=method, stopping=stopping, seed=seed)
            study = simulate(problem.with_space(space), Cluster(4, seed=seed), gpu_seconds=limit)
            found.append(worth(problem, study).steps[-1][1])
    assert np.mean(finals["ehvi"]) > np.mean(finals["random"]) + 0.1
