"""The sets that ship with scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import datasets
from sklearn.utils import Bunch

from gansearch.config import DataConfig
from gansearch.data import ImageSet, load_images
from gansearch.data.embedded import PATCHES
from gansearch.errors import DataError


def everything(images: ImageSet) -> torch.Tensor:
    return images.batch(torch.arange(len(images))).images


def test_digits_are_scikit_learns_to_the_bit() -> None:
    images = load_images(DataConfig(name="digits")).train
    batch = images.batch(torch.arange(len(images)))
    source = datasets.load_digits()
    assert np.array_equal(batch.images[:, 0].numpy(), source.images / 8 - 1)
    assert batch.labels is not None
    assert np.array_equal(batch.labels.numpy(), source.target)


def test_digits_look_the_same_at_another_resolution() -> None:
    small = everything(load_images(DataConfig(name="digits")).train)
    large = everything(load_images(DataConfig(name="digits", resolution=32)).train)
    back = torch.nn.functional.avg_pool2d(large, 4)
    assert (back - small).abs().mean() < 0.1
    assert large.min() == -1
    assert large.max() == 1


def test_both_photographs_are_in_both_parts() -> None:
    images = load_images(DataConfig(name="photos", resolution=32, holdout=0.25))
    assert images.heldout is not None
    assert len(images.train) == PATCHES * 3 // 4
    assert len(images.heldout) == PATCHES // 4
    for part in (images.train, images.heldout):
        # the temple stands in a bright sky, the flower in dark leaves
        halves = everything(part).chunk(2)
        assert halves[0].mean() - halves[1].mean() > 0.3


@pytest.mark.parametrize("resolution", [8, 32, 128])
@pytest.mark.parametrize("holdout", [0.01, 0.5])
def test_held_out_patches_touch_no_training_patch(
    resolution: int, holdout: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = np.broadcast_to(np.arange(640), (427, 640))
    picture = np.stack([columns // 3, columns // 3, columns // 3], axis=2).astype(np.uint8)
    monkeypatch.setattr(datasets, "load_sample_images", lambda: Bunch(images=[picture, picture]))
    images = load_images(DataConfig(name="photos", resolution=resolution, holdout=holdout))
    assert images.heldout is not None
    assert images.train.pixels.max() <= images.heldout.pixels.min()
    assert len(images.train) + len(images.heldout) == PATCHES


def test_patches_larger_than_128_pixels_are_refused() -> None:
    with pytest.raises(DataError, match="at most 128 pixels, not 256"):
        load_images(DataConfig(name="photos", resolution=256))
