"""Images that ship with scikit-learn, available on every machine without a download."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from gansearch.config import DataConfig
from gansearch.data.images import Images, ImageSet, from_arrays, split
from gansearch.errors import DataError

PATCHES = 4096
"""Number of patches of the sample photographs, including held-out ones."""

_DIGITS_STEP = 8  # 0..16 is stored as 0..128, so that resizing can give levels in between
_PATCH_SIZES = (32, 128)  # pixels: smaller patches show nothing, larger ones are almost equal


def digits(config: DataConfig) -> Images:
    """Load 1,797 handwritten digits, 8x8, gray, 10 classes (UCI, Alpaydin and Kaynak 1998)."""
    from sklearn.datasets import load_digits  # takes half a second; only these two sets need it

    data, target = load_digits(return_X_y=True)
    pixels = torch.from_numpy(data.astype(np.uint8) * _DIGITS_STEP).reshape(-1, 1, 8, 8)
    labels = torch.from_numpy(target.astype(np.int64))
    images = from_arrays(
        pixels, labels, resolution=config.resolution, classes=10, white=16 * _DIGITS_STEP
    )
    return split(images, config.holdout)


def photos(config: DataConfig) -> Images:
    """Random square patches of two colour photographs of 427x640 pixels: a temple and a flower.

    A patch has the size of the images, but at least 32 pixels; smaller images are resized from it.
    The held-out patches come from a strip on the right of each photograph, which no training patch
    touches. The holdout is the share of the patches, and the share of the width for the strip,
    which is at least one patch wide.

    Raises:
        DataError: the resolution is above 128.
    """
    smallest, largest = _PATCH_SIZES
    if config.resolution > largest:
        raise DataError(
            f"photos: patches have at most {largest} pixels, not {config.resolution}; "
            "larger images come from a folder"
        )
    from sklearn.datasets import load_sample_images

    size = max(config.resolution, smallest)
    pictures = [torch.tensor(picture) for picture in load_sample_images().images]
    width = pictures[0].shape[1]
    strip = max(size, round(config.holdout * width)) if config.holdout else 0
    heldout = round(config.holdout * PATCHES)

    def part(number: int, columns: slice, count: int) -> ImageSet:
        shares = (count - count // 2, count // 2)
        patches = [
            patch
            for i, (picture, share) in enumerate(zip(pictures, shares, strict=True))
            for patch in _patches(picture[:, columns], size, share, number, i)
        ]
        return from_arrays(torch.stack(patches), None, resolution=config.resolution)

    return Images(
        train=part(0, slice(0, width - strip), PATCHES - heldout),
        heldout=part(1, slice(width - strip, width), heldout) if heldout else None,
    )


def _patches(picture: Tensor, size: int, count: int, *entropy: int) -> Iterator[Tensor]:
    """Yield square patches ``[3, size, size]`` at positions that are a function of ``entropy``."""
    free = [length - size + 1 for length in picture.shape[:2]]
    # NumPy guarantees a stable stream only for raw output. The remainder's bias is 1e-17.
    raw = np.random.PCG64(np.random.SeedSequence(entropy)).random_raw((count, 2))
    for top, left in (raw % np.array(free, dtype=np.uint64)).tolist():
        yield picture[top : top + size, left : left + size].permute(2, 0, 1)
