"""DiffAugment and ADA's pixel blits against closed forms."""

from collections import Counter
from itertools import product
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gansearch.nn.augment import (
    AUGMENTATIONS,
    TURNED,
    augment,
    brightness,
    contrast,
    cutout,
    flip,
    rotation,
    saturation,
    translation,
)
from gansearch.variants.settings import AugmentName

policies = pytest.mark.parametrize("policy", get_args(AugmentName))


def images(n: int = 64, channels: int = 3, side: int = 16) -> Tensor:
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def setup_function() -> None:
    torch.manual_seed(0)


def assert_uniform(factors: Tensor, low: float, high: float) -> None:
    """Within a range and over all of it, one number for each image."""
    assert low <= factors.min() < low + 0.1 * (high - low)
    assert high - 0.1 * (high - low) < factors.max() <= high
    assert factors.mean() == pytest.approx((low + high) / 2, abs=0.12 * (high - low))


def test_brightness_adds_one_number_to_an_image() -> None:
    x = images()
    added = (brightness(x) - x).flatten(1)
    torch.testing.assert_close(added, added[:, :1].expand_as(added), rtol=0, atol=1e-6)
    assert_uniform(added[:, 0], -0.5, 0.5)


def test_saturation_scales_the_distance_from_gray() -> None:
    x = images()
    gray, y = x.mean(1, keepdim=True), saturation(x)
    torch.testing.assert_close(y.mean(1, keepdim=True), gray)
    factors = ((y - gray).flatten(1) * (x - gray).flatten(1)).sum(1) / (x - gray).square().sum(
        (1, 2, 3)
    )
    torch.testing.assert_close(y, gray + factors.view(-1, 1, 1, 1) * (x - gray))
    assert_uniform(factors, 0, 2)


def test_saturation_leaves_gray_images() -> None:
    x = images(channels=1)
    torch.testing.assert_close(saturation(x), x)


def test_contrast_scales_the_distance_from_the_mean() -> None:
    x = images()
    mean, y = x.mean((1, 2, 3), keepdim=True), contrast(x)
    factors = y.flatten(1).std(1) / x.flatten(1).std(1)
    torch.testing.assert_close(y, mean + factors.view(-1, 1, 1, 1) * (x - mean))
    assert_uniform(factors, 0.5, 1.5)


@pytest.mark.parametrize(("side", "reach"), [(8, 1), (16, 2), (32, 4), (20, 3)])
def test_translation_moves_by_whole_pixels_and_fills_with_zero(side: int, reach: int) -> None:
    x = images(60, 1, side) + 2  # no pixel is 0
    nearby = list(product(range(-reach - 1, reach + 2), repeat=2))
    seen = set()
    for before, after in zip(x[:, 0], translation(x)[:, 0], strict=True):
        moves = [move for move in nearby if torch.equal(after, shifted(before, *move))]
        assert len(moves) == 1
        seen.add(moves[0])
    assert {m for move in seen for m in move} == set(range(-reach, reach + 1))
    assert any(down != right for down, right in seen)


def shifted(image: Tensor, down: int, right: int) -> Tensor:
    side = len(image)
    result = torch.zeros_like(image)
    result[max(0, down) : side + min(0, down), max(0, right) : side + min(0, right)] = image[
        max(0, -down) : side + min(0, -down), max(0, -right) : side + min(0, -right)
    ]
    return result


@pytest.mark.parametrize("ratio", [0.2, 0.5])
@pytest.mark.parametrize("side", [8, 15, 32])
def test_cutout_sets_one_square_to_zero(side: int, ratio: float) -> None:
    size = int(side * ratio + 0.5)
    x = images(400, 2, side) + 2
    y = cutout(x, ratio)
    cut = y == 0
    assert torch.equal(y[~cut], x[~cut])
    assert torch.equal(cut[:, 0], cut[:, 1])
    rows, columns = cut[:, 0].any(2), cut[:, 0].any(1)
    assert torch.equal(cut[:, 0], rows[:, :, None] & columns[:, None, :])
    for along in (rows, columns):  # a run of ones, whole or cut off by a border
        counts = along.sum(1)
        assert set(counts.tolist()) == set(range((size + 1) // 2, size + 1))
        changes = (along[:, 1:] != along[:, :-1]).sum(1)
        at_border = (along[:, 0] | along[:, -1]).long()
        assert torch.equal(changes, 2 - at_border)
        assert (along.sum(0) > 0).all()


@policies
def test_gradients_pass_and_shapes_stay(policy: str) -> None:
    x = images(4).requires_grad_()
    y = augment(x, policy)
    assert y.shape == x.shape
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("policy", "probability"),
    [("color_translation_cutout", None), ("blit_color", torch.tensor(0.6))],
)
def test_gradients_equal_numerical_ones(policy: str, probability: Tensor | None) -> None:
    x = images(2, 2, 4).double().requires_grad_()

    def fixed(x: Tensor) -> Tensor:
        torch.manual_seed(3)
        return augment(x, policy, probability)

    assert torch.autograd.gradcheck(fixed, x)
    assert torch.autograd.gradgradcheck(fixed, x)


@policies
def test_a_policy_applies_its_parts_in_order(policy: str) -> None:
    torch.manual_seed(5)
    x = images(8)
    expected = x
    for name in policy.split("_") if policy != "none" else ():
        for change in AUGMENTATIONS[name]:
            expected = change(expected)
    torch.manual_seed(5)
    assert torch.equal(augment(x, policy), expected)
    assert torch.equal(expected, x) is (policy == "none")


def test_blits_turn_equally_in_all_directions_and_leave_some_images_upright() -> None:
    """Augmentations do not leak: the set of all images still tells which way is up."""
    x = images(2000, 1, 5)
    for change, results in (
        (flip, lambda x: [x, x.fliplr()]),
        (rotation, lambda x: [x, x.rot90(), x.rot90(2), x.rot90(3)]),
    ):
        seen = Counter(
            [torch.equal(after, result) for result in results(before)].index(True)
            for before, after in zip(x[:, 0], change(x)[:, 0], strict=True)
        )
        ways = len(results(x[0, 0]))
        expected = [TURNED / ways] * ways
        expected[0] += 1 - TURNED
        shares = [seen[way] / len(x) for way in range(ways)]
        assert shares == pytest.approx(expected, abs=0.04)
        assert shares[0] > max(shares[1:])


# --- With a probability ---------------------------------------------------------------------------


@policies
def test_probability_0_changes_no_image_and_1_all_images(policy: str) -> None:
    x = images(16)
    assert torch.equal(augment(x, policy, torch.tensor(0.0)), x)
    if policy != "none":
        changed = augment(x, policy, torch.tensor(1.0)) != x
        assert changed.flatten(1).any(1).sum() > len(x) / 2


def test_each_augmentation_is_done_to_each_image_by_itself() -> None:
    p = 0.3
    x = images(2000, 2, 8) + 3  # no pixel is 0
    y = augment(x, "color_cutout", torch.tensor(p))
    cut = (y == 0).flatten(1).any(1)
    colored = ((y != x) & (y != 0)).flatten(1).any(1)
    for happened, probability in (
        (cut, p),
        (colored, 1 - (1 - p) ** 3),
        (cut & colored, p * (1 - (1 - p) ** 3)),
    ):
        deviation = (probability * (1 - probability) / len(x)) ** 0.5
        assert happened.float().mean().item() == pytest.approx(probability, abs=4 * deviation)


@given(st.sampled_from(sorted(AUGMENTATIONS)), st.integers(0, 2**32))
def test_augmentations_draw_from_torchs_global_generator(name: str, seed: int) -> None:
    results = []
    for _ in range(2):
        torch.manual_seed(seed)
        results.append(augment(images(8), name))
    assert torch.equal(*results)
    assert not torch.equal(results[0], augment(images(8), name))
