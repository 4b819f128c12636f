from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from gansearch.train.grid import MIN_PIXELS, save_grid


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_small_images_are_enlarged_without_smoothing(tmp_path):
    images = torch.where(torch.rand(6, 1, 8, 8) > 0.5, 1.0, -1.0)
    save_grid(images, tmp_path / "grid.png", columns=3)
    grid = read(tmp_path / "grid.png")
    assert grid.shape == (2 * (MIN_PIXELS + 2) + 2, 3 * (MIN_PIXELS + 2) + 2, 3)
    assert set(np.unique(grid)) == {0, 255}
    last = grid[2 + MIN_PIXELS + 2 : -2, 2 + 2 * (MIN_PIXELS + 2) : -2, 0]
    assert np.array_equal(last[::8, ::8], (images[5, 0].numpy() + 1) * 127.5)


def test_colour_and_large_images_keep_their_size(tmp_path):
    images = torch.stack([torch.full((3, 128, 128), value) for value in (-5.0, 0.0, 5.0)])
    save_grid(images, tmp_path / "grid.png", columns=3)
    grid = read(tmp_path / "grid.png")
    assert grid.shape == (128 + 4, 3 * (128 + 2) + 2, 3)
    middles = [grid[66, 66 + 130 * column].tolist() for column in range(3)]
    assert middles == [[0] * 3, [128] * 3, [255] * 3]


def test_a_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="missing"):
        save_grid(torch.zeros(1, 1, 8, 8), tmp_path / "missing" / "grid.png", 1)
