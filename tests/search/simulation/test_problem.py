"""The simulator's problems: their fronts are the true ones, and a table says what was recorded."""

import gzip
import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.search.measures import at, share_to_reach, worth
from benchmarks.search.methods import METHODS, Oracle
from benchmarks.search.nas_bench import load_nas_bench
from benchmarks.search.problems import FUNCTIONS, Problem, corner, drawn_values
from benchmarks.search.surrogate import Surrogate
from benchmarks.search.table import RUNS, SPACE, load_table, row_of, write_table
from gansearch.errors import DataError
from gansearch.pareto import hypervolume, non_dominated
from gansearch.record import Outcome, TrialRecord
from gansearch.search.samplers.grid import enumerate_points
from gansearch.search.simulation.simulate import Cluster, Curve, simulate
from gansearch.space import load_space

OTHERS: tuple[Problem, ...] = (Surrogate(), load_nas_bench())
PROBLEMS: dict[str, Problem] = {**FUNCTIONS, **{problem.name: problem for problem in OTHERS}}


@pytest.fixture(params=PROBLEMS)
def problem(request: pytest.FixtureRequest) -> Problem:
    return PROBLEMS[request.param]


def test_nothing_dominates_the_front(problem: Problem) -> None:
    assert non_dominated(problem.front).all()
    found = drawn_values(problem, 200)
    for point in found[np.isfinite(found).all(axis=1)]:
        # A front of so many points lets some through between them.
        beaten = (problem.front >= point + 5e-3).all(axis=1)
        assert not beaten.any()


def test_its_optimal_configurations_are_the_front(problem: Problem) -> None:
    truths = [problem.truth(params) for params in problem.optimal]
    np.testing.assert_allclose(truths, problem.front)


def test_the_oracle_completes_members_of_the_front_alone(problem: Problem) -> None:
    few = problem.space.model_copy(
        update={"budget": problem.space.budget.model_copy(update={"trials": 8})}
    )
    study = simulate(problem.with_space(few), Cluster(2), partial(Oracle, problem.optimal))
    done = [t for t in study.method.record().trials if t.outcome == Outcome.COMPLETED]
    truths = [tuple(problem.truth(trial.params)) for trial in done]
    assert len(set(truths)) == len(truths) > 0
    assert set(truths) <= set(map(tuple, problem.front))


def test_a_curve_ends_at_the_truth_and_is_the_same_at_every_call(problem: Problem) -> None:
    for params in (trial.params for trial in _few(problem)):
        truth = problem.truth(params)
        curves = [problem.run(params, seed) for seed in (1, 1, *range(2, 60))]
        assert curves[0] == curves[1]
        assert curves[0].seconds_per_kimg == pytest.approx(truth[1])
        ends = [c.quality["fid"][-1] for c in curves if math.isinf(c.diverges_at)]
        if math.isfinite(truth[0]) and len(ends) > 50:
            assert np.mean(ends) == pytest.approx(truth[0], rel=0.05, abs=0.05)
        assert all(len(c.kimg) == len(c.quality["fid"]) for c in curves)


def _few(problem: Problem) -> tuple[TrialRecord, ...]:
    budget = problem.space.budget.model_copy(update={"trials": 6})
    search = problem.space.search.model_copy(update={"sampler": "random"})
    space = problem.space.model_copy(update={"budget": budget, "search": search})
    return simulate(problem.with_space(space), Cluster(2)).method.record().trials


@pytest.mark.parametrize(
    ("name", "volume"),
    [
        ("zdt1", 2 / 3 + 0.21),  # ∫√f, and the border of a tenth around the unit square
        ("zdt2", 1 / 3 + 0.21),
        ("dtlz2", 1.1**3 - math.pi / 6),
    ],
)
def test_fronts_have_the_volume_of_their_closed_forms(name: str, volume: float) -> None:
    front = FUNCTIONS[name].front - ([0.0] + [0.2] * (FUNCTIONS[name].front.shape[1] - 1))
    got = hypervolume(front, [1.1] * front.shape[1])
    # Steps of a fine front lie above it: they miss a little of its volume.
    assert got == pytest.approx(volume, rel=0.08 if name == "dtlz2" else 0.005)


@pytest.mark.parametrize("method", ["ehvi+ehvi", "optuna-tpe", "ray-asha"])
def test_every_method_spends_its_budget_and_completes_some(method: str) -> None:
    base = Surrogate()
    budget = base.space.budget.model_copy(update={"trials": 500})
    problem = base.with_space(base.space.model_copy(update={"budget": budget}))
    simulation = simulate(problem, Cluster(4), METHODS[method], gpu_seconds=400)
    outcomes = {trial.outcome for trial in simulation.method.record().trials}
    assert Outcome.COMPLETED in outcomes
    assert (Outcome.STOPPED in outcomes) == (method != "optuna-tpe")
    found = worth(problem, simulation)
    assert 0 < found.steps[-1][1] < 1
    assert simulation.gpu_seconds == 400


# --- Measures -----------------------------------------------------------------------------------


def test_share_to_reach_of_straight_lines() -> None:
    moments = np.arange(1, 101)
    slow = np.stack([moments / 100] * 5)
    fast = np.stack([np.minimum(4 * moments / 100, 1.0)] * 5)
    assert share_to_reach(fast, slow) == (0.25, 0.25, 0.25)
    assert share_to_reach(slow, slow) == (1, 1, 1)
    assert share_to_reach(slow / 2, slow) == (math.inf,) * 3


def test_steps_hold_from_their_moment_on() -> None:
    steps = [(2.0, 0.5), (4.0, 0.75)]
    assert at(steps, np.array([0, 2, 3.9, 4, 9])).tolist() == [0, 0.5, 0.5, 0.75, 0.75]
    assert at([], np.array([1.0])).tolist() == [0]


# --- Tables -------------------------------------------------------------------------------------

GRID = """
variant: [dcgan, gan]
parameters:
  d_steps: [1, 3]
  g_lr: [0.001, 0.01]
  dcgan: {dsc: {where: [none, both]}}
objectives: {fd_digits: minimize, seconds_per_kimg: minimize, peak_memory_mib: minimize}
budget: {max_kimg: 4, rungs: [1, 2]}
search: {sampler: grid, stopping: none}
"""


def curve_of(number: int, seed: int) -> Curve:
    if number == 3:
        return Curve((1.0,), {"fd_digits": (90.0,)}, 0.5, 20.0, 1.5)
    quality = tuple(100.0 / kimg + number + seed for kimg in (1.0, 2.0, 4.0))
    return Curve((1.0, 2.0, 4.0), {"fd_digits": quality}, 0.5 + number, 20.0 - number)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / SPACE).write_text(GRID)
    space = load_space(tmp_path / SPACE)
    rows = [
        row_of(space, params, curve_of(i, seed), seed, "nan at 1.5 kimg" if i == 3 else "")
        for i, params in enumerate(map(space.plain, enumerate_points(space)))
        for seed in range(1 + i % 2)
    ]
    write_table(tmp_path, space, rows)
    return tmp_path


def test_a_table_returns_the_recorded_curves(table: Path) -> None:
    problem = load_table(table)
    points = [problem.space.plain(point) for point in enumerate_points(problem.space)]
    assert len(points) == 12
    for number, params in enumerate(points):
        seeds = range(1 + number % 2)
        assert [problem.run(params, s) for s in seeds] == [curve_of(number, s) for s in seeds]
    assert problem.truth(points[1]).tolist() == [26.5, 1.5, 19.0]
    assert problem.truth(points[3]).tolist() == [math.inf] * 3
    assert non_dominated(problem.front).all()
    assert (corner(problem) > problem.front.max(axis=0)).all()
    simulation = simulate(problem, Cluster(3))
    trials = simulation.method.record().trials
    assert len(trials) == 12
    assert [t.params for t in trials if t.outcome == Outcome.DIVERGED] == [points[3]]


def test_the_same_rows_make_the_same_file(table: Path) -> None:
    before = (table / RUNS).read_bytes()
    space = load_space(table / SPACE)
    lines = gzip.decompress(before).decode().splitlines()
    header = lines[0].split(",")
    rows = [dict(zip(header, line.split(","), strict=True)) for line in lines[1:]]
    write_table(table, space, reversed(rows))
    assert (table / RUNS).read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("fd_digits@2", "fd_digits@3", "has no column fd_digits@2"),
        ("dcgan,1,both,0.001", "dcgan,2,both,0.001", "line 2: the space has no such"),
        ("completed", "stopped", "line 2: outcome stopped is none"),
        (",0.5,20,100", ",nan,20,100", ": a quality or cost that is not finite"),
        ("0.5,20,100", "0.5,20,", "fd_digits should be known at every point"),
        ("diverged,nan at 1.5 kimg,1.5", "diverged,nan at 1.5 kimg,2.5", "should be known"),
    ],
)
def test_a_damaged_table_is_refused(table: Path, old: str, new: str, message: str) -> None:
    text = gzip.decompress((table / RUNS).read_bytes()).decode()
    assert old in text
    (table / RUNS).write_bytes(gzip.compress(text.replace(old, new, 1).encode()))
    with pytest.raises(DataError, match=message):
        load_table(table)


def test_a_table_with_a_configuration_twice_or_not_at_all_is_refused(table: Path) -> None:
    lines = gzip.decompress((table / RUNS).read_bytes()).decode().splitlines(keepends=True)
    for changed, message in (
        ([*lines, lines[-1]], "seed .* is there already"),
        (
            [line for line in lines if not line.startswith("gan,1,,0.001")],
            "1 of 12 configurations have no run",
        ),
    ):
        (table / RUNS).write_bytes(gzip.compress("".join(changed).encode()))
        with pytest.raises(DataError, match=message):
            load_table(table)
