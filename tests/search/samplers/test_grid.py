"""Every point of a discrete space once."""

import pytest

from gansearch.errors import StudyError
from gansearch.record import Outcome, StudyRecord
from gansearch.search.policy import Policy
from gansearch.search.samplers.grid import MAX_POINTS, GridSampler, enumerate_points
from gansearch.space import parse_space

GRID = """
variant: [dcgan, gan]
parameters:
  d_steps: {type: int, low: 1, high: 5, step: 2}
  beta1: {type: float, low: 0.0, high: 0.5, step: 0.25}
  dsc:
    where: [none, both]
    kernel_size: {type: choice, values: [3, 5], when: {dsc.where: both}}
objectives: {fd_digits: minimize, seconds_per_kimg: minimize}
budget: {trials: 100, max_kimg: 30}
search: {sampler: grid}
"""


def test_a_grid_is_every_point_once_and_then_the_end(empty: StudyRecord) -> None:
    space = parse_space(GRID, "grid.yaml")
    # gan takes neither beta1 nor dsc: 3; dcgan: 3 * 3 * (1 + 2).
    points = [space.plain(point) for point in enumerate_points(space)]
    assert len(points) == 3 + 27
    policy = Policy(space, empty)
    asked = [policy.ask() for _ in range(31)]
    assert asked[-1] is None
    tried = [tuple(sorted(ask.params.items())) for ask in asked if ask]
    assert sorted(tried) == sorted(tuple(sorted(p.items())) for p in points)
    assert tried != [tuple(sorted(p.items())) for p in points]  # a cut-off grid is spread out


def test_a_grid_has_each_variants_own_points() -> None:
    text = """
    variant: [dcgan, gan]
    training: {gan: {z_dim: 16}}
    parameters:
      z_dim: [32, 64]
      g_lr: [1e-4, 2e-4, 4e-4]
      gan: {g_lr: [0.1, 0.3], momentum: {type: choice, values: [0, 0.5], when: {g_lr: 0.3}}}
    search: {sampler: grid}
    """
    space = parse_space(text, "grid.yaml")
    points = [space.plain(point) for point in enumerate_points(space)]
    assert [p for p in points if p["variant"] == "gan"] == [
        {"variant": "gan", "g_lr": 0.1},
        {"variant": "gan", "g_lr": 0.3, "momentum": 0},
        {"variant": "gan", "g_lr": 0.3, "momentum": 0.5},
    ]
    assert len(points) == 6 + 3


def test_a_grid_over_seeds_repeats_every_configuration(empty: StudyRecord) -> None:
    text = """
    variant: gan
    parameters: {d_steps: [1, 2, 3], seed: [0, 7]}
    budget: {trials: 6}
    search: {sampler: grid}
    """
    policy = Policy(parse_space(text, "grid.yaml"), empty)
    asked = [ask for _ in range(7) if (ask := policy.ask())]
    assert sorted((ask.params["d_steps"], ask.seed) for ask in asked) == [
        *((1, 0), (1, 7), (2, 0), (2, 7), (3, 0), (3, 7))
    ]
    assert all(trial.seed == trial.params["seed"] for trial in policy.record().trials)


def test_a_killed_grid_continues(empty: StudyRecord) -> None:
    space = parse_space(GRID, "grid.yaml")
    alive = Policy(space, empty)
    for _ in range(7):
        ask = alive.ask()
        assert ask is not None
        alive.tell(ask.number, Outcome.FAILED)
    revived = Policy(space, alive.record())
    assert [revived.ask() for _ in range(24)] == [alive.ask() for _ in range(24)]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("{g_lr: {type: float, low: 0.1, high: 0.9}}", "cannot enumerate g_lr"),
        (
            "{z_dim: {type: int, low: 1, high: 1024}, d_steps: {type: int, low: 1, high: 20}, "
            "g_steps: {type: int, low: 1, high: 20}}",
            f"more than {MAX_POINTS:,} points",
        ),
    ],
)
def test_a_grid_over_a_continuum_or_too_large_is_refused(parameters: str, said: str) -> None:
    text = f"{{variant: gan, parameters: {parameters}, objectives: {{fd_digits: minimize}}}}"
    with pytest.raises(StudyError, match=said):
        GridSampler(parse_space(text, "grid.yaml"))
