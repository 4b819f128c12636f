"""Resizing equals that of the tools, which have conventions of their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from gansearch.config import EvaluationConfig
from gansearch.metrics.resize import RESIZES, SIDE

Pixels = NDArray[np.uint8]


def batched(image: Pixels) -> Tensor:
    """An image ``[H, W, 3]`` as a batch ``[1, 3, H, W]``."""
    return torch.from_numpy(image).permute(2, 0, 1)[None]


def as_clean_fid(image: Pixels) -> NDArray[np.float32]:
    from cleanfid.resize import build_resizer

    resized: NDArray[np.float32] = build_resizer("clean")(image)
    return (resized.transpose(2, 0, 1) - 128) / 128


def as_torch_fidelity(image: Pixels) -> NDArray[np.float32]:
    from torch_fidelity.interpolate_compat_tensorflow import (
        interpolate_bilinear_2d_like_tensorflow1x as interpolate,
    )

    pixels = batched(image).float()
    resized: Tensor = interpolate(pixels, size=(299, 299), align_corners=False)
    return ((resized - 128) / 128)[0].numpy()


@pytest.mark.parametrize("size", [8, 32, 299, 512])
@pytest.mark.parametrize(
    ("tool", "theirs"), [("clean-fid", as_clean_fid), ("torch-fidelity", as_torch_fidelity)]
)
def test_images_are_resized_as_the_tool_does(
    tool: str, theirs: Callable[[Pixels], NDArray[np.float32]], size: int
) -> None:
    image = np.random.default_rng(size).integers(0, 256, (size, size, 3), dtype=np.uint8)
    measured = RESIZES[tool].apply(batched(image).float())[0]
    np.testing.assert_allclose(measured, theirs(image), atol=1e-4)


def test_the_conventions_differ_and_say_so() -> None:
    pixels = batched(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)).float()
    resized = [resize.apply(pixels) for resize in RESIZES.values()]
    assert all((a - b).abs().max() > 0.01 for a in resized for b in resized if a is not b)
    assert len({resize.description for resize in RESIZES.values()}) == len(RESIZES)
    assert set(RESIZES) == set(EvaluationConfig.model_json_schema()["properties"]["resize"]["enum"])


@pytest.mark.parametrize("tool", RESIZES)
@pytest.mark.parametrize("level", [0, 100, 255])
def test_a_flat_image_stays_flat_in_the_range_of_the_network(tool: str, level: int) -> None:
    resized = RESIZES[tool].apply(torch.full((2, 3, 16, 16), float(level)))
    assert resized.shape == (2, 3, SIDE, SIDE)
    assert resized.amax() - resized.amin() < 1e-4
    assert resized.mean() == pytest.approx(level / 127.5 - 1, abs=0.01)
