from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gansearch.metrics.spread import Spread


def spread_of(images: torch.Tensor, *cuts: int) -> float:
    spread = Spread()
    for part in torch.tensor_split(images, cuts):
        spread.update(part)
    assert spread.count == len(images)
    return spread.value()


@pytest.mark.parametrize("cuts", [(), (1,), (3, 20)])
def test_spread_is_the_root_of_the_mean_variance_of_pixels(cuts: tuple[int, ...]) -> None:
    images = torch.from_numpy(np.random.default_rng(0).normal(5, 2, (30, 3, 8, 8)))
    expected = math.sqrt(images.numpy().var(0).mean())
    assert spread_of(images, *cuts) == pytest.approx(expected)


@pytest.mark.parametrize("level", [-1.0, 0.1, 1 / 3, 1.0])
def test_equal_images_have_no_spread_at_all(level: float) -> None:
    images = torch.full((130, 1, 8, 8), level)
    images[:, 0, 3, 3] = level / 7
    assert spread_of(images, 64) == 0


def test_one_image_has_no_spread() -> None:
    assert spread_of(torch.randn(1, 1, 8, 8)) == 0
