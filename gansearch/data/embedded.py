"""The images that scikit-learn ships: real data on every machine, without a network."""

from __future__ import annotations

import numpy as np
import torch

from gansearch.config import DataConfig
from gansearch.data.images import Images, from_arrays, split

_DIGITS_STEP = 8  # 0..16 is stored as 0..128: room between the levels for what a resize makes


def digits(config: DataConfig) -> Images:
    """1,797 handwritten digits, 8x8, gray, in 10 classes (UCI, Alpaydin and Kaynak 1998)."""
    from sklearn.datasets import load_digits  # half a second, and only these two sets need it

    data, target = load_digits(return_X_y=True)
    pixels = torch.from_numpy(data.astype(np.uint8) * _DIGITS_STEP).reshape(-1, 1, 8, 8)
    labels = torch.from_numpy(target.astype(np.int64))
    images = from_arrays(
        pixels, labels, resolution=config.resolution, classes=10, white=16 * _DIGITS_STEP
    )
    return split(images, config.holdout)
