"""The adaptive number of discriminator steps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gansearch.config import DataConfig, TrainConfig
from gansearch.data import Images, load_images
from gansearch.space import parse_space
from gansearch.train.trainer import Trainer
from gansearch.variants.adaptive import MAX_STEPS, AdaptiveSteps
from gansearch.variants.catalog import CATALOG

CPU = torch.device("cpu")


def logits(edge: float, count: int = 100) -> tuple[Tensor, Tensor]:
    """Real and fake logits; in a share ``edge`` of the pairs the real one is higher."""
    fake = torch.zeros(count)
    real = torch.where(torch.arange(count) < round(edge * count), 1.0, -1.0)
    return real, fake


def after(follower: AdaptiveSteps, edge: float, images: int = 1000) -> int:
    for _ in range(images // 100):
        follower.accumulate(*logits(edge))
    return follower.next_steps()


def test_steps_rise_below_the_target_edge_and_fall_above_it() -> None:
    follower = AdaptiveSteps(target=0.75)
    assert follower.next_steps() == 1
    assert [after(follower, 0.6) for _ in range(6)] == [2, 3, 4, 5, 5, 5]
    assert [after(follower, 0.9) for _ in range(5)] == [4, 3, 2, 1, 1]


@pytest.mark.parametrize(("target", "expected"), [(0.6, 1), (0.9, 2)])
def test_the_target_edge_decides_the_direction(target: float, expected: int) -> None:
    assert after(AdaptiveSteps(target), 0.8) == expected


def test_the_edge_is_a_share_of_pairs_whatever_the_scale() -> None:
    follower = AdaptiveSteps(0.75)
    torch.manual_seed(0)
    real, fake = torch.randn(1000) + 1, torch.randn(1000)
    edges = [
        follower.accumulate(scale * real + shift, scale * fake + shift)["edge"].item()
        for scale, shift in ((1, 0), (100, 0), (1, -50))
    ]
    # Of N(1, 1) and N(0, 1) the first is larger with probability Φ(1/√2).
    assert edges == pytest.approx([0.760] * 3, abs=0.03)


def test_several_logits_an_image_count_as_their_mean() -> None:
    real, fake = torch.tensor([[1.0, -3.0], [1.0, 1.0]]), torch.zeros(2, 2)
    assert AdaptiveSteps(0.75).accumulate(real, fake)["edge"] == 0.5


@given(edges=st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_steps_stay_in_bounds_and_move_by_one(edges: list[float]) -> None:
    follower, before = AdaptiveSteps(0.75), 1
    for edge in edges:
        steps = after(follower, edge)
        assert 1 <= steps <= MAX_STEPS
        assert abs(steps - before) <= 1
        before = steps


def test_the_number_of_calls_does_not_change_the_steps() -> None:
    torch.manual_seed(1)
    rare, often = AdaptiveSteps(0.75), AdaptiveSteps(0.75)
    for _ in range(40):
        edge = 0.5 + torch.rand(()).item() / 2
        for follower in (rare, often):
            follower.accumulate(*logits(edge))
        often.next_steps()
        if rare.images % 1000 == 0:
            rare.next_steps()
    assert rare.next_steps() == often.next_steps()
    assert all(torch.equal(a, b) for a, b in zip(rare.buffers(), often.buffers(), strict=True))


def test_state_is_in_the_buffers() -> None:
    one, other = AdaptiveSteps(0.75), AdaptiveSteps(0.75)
    after(one, 0.6, 1500)
    other.load_state_dict(one.state_dict())
    assert after(one, 0.6, 500) == after(other, 0.6, 500) == 3


# --- In training ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def images() -> Images:
    return load_images(DataConfig(name="digits"))


def trainer(images: Images, **settings: object) -> Trainer:
    config = TrainConfig(
        variant="dcgan",
        settings=CATALOG["dcgan"].small_settings(
            batch_size=50, d_steps="adaptive", **{"g_lr": 1e-3, **settings}
        ),
        data=DataConfig(name="digits"),
        seed=0,
        max_kimg=10,
    )
    return Trainer(config, images, CPU)


def steps_of(trainer: Trainer) -> int:
    return dict(trainer.variant.phases())["d"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"d_lr_ratio": 1e-6, "d_target": 0.95}, MAX_STEPS),  # it learns nothing and cannot win
        ({"g_lr": 1e-6, "d_lr_ratio": 100.0, "d_target": 0.55}, 1),  # it alone learns
    ],
)
def test_steps_follow_the_discriminators_edge_in_training(
    images: Images, settings: dict[str, float], expected: int
) -> None:
    running = trainer(images, **settings)
    running.advance(6)
    assert steps_of(running) == expected
    assert running.losses["loss/d/d_steps"] == pytest.approx(expected, abs=1)
    assert 0 <= running.losses["loss/d/edge"] <= 1
    assert running.evaluate(None) == {"d_steps": expected}


def test_a_resumed_training_equals_an_uninterrupted_one(images: Images, tmp_path: Path) -> None:
    slow = {"d_lr_ratio": 0.01, "d_target": 0.9}  # so that k rises, and then changes its way
    whole = trainer(images, **slow)
    whole.advance(4.3)
    part = trainer(images, **slow)
    for kimg in (0.6, 2.3):  # within a window too
        part.advance(kimg)
        part.save(tmp_path / "checkpoint.pt")
        part = Trainer.load(tmp_path / "checkpoint.pt", images, CPU)
    assert steps_of(part) > 1
    part.advance(4.3)
    expected, found = whole.variant.state_dict(), part.variant.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_kimg_counts_the_images_of_all_adaptive_steps(images: Images) -> None:
    running = trainer(images, d_target=0.95)
    running.advance(3.2)
    assert running.kimg == running.variant.adaptive.images / 1000


# --- In a space ----------------------------------------------------------------------------------


def test_adaptive_steps_are_a_value_among_numbers_in_a_space() -> None:
    space = parse_space(
        """\
name: followed
variant: dcgan
data: {name: digits}
parameters:
  d_steps: [1, 2, adaptive]
  d_target: {type: choice, values: [0.7, 0.9], when: {d_steps: adaptive}}
""",
        "followed.yaml",
    )

    class Last:
        def suggest_categorical(self, name: str, choices: tuple[object, ...]) -> object:
            return choices[-1]

    params = space.plain(space.sample(Last()))
    assert params == {"variant": "dcgan", "d_steps": "adaptive", "d_target": 0.9}
    settings = space.train_config(params, seed=0).settings
    assert (settings.d_steps, settings.d_target) == ("adaptive", 0.9)
    assert space.defaults()[0]["d_steps"] == 1
