"""Sample grids as PNG files."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor
from torchvision.utils import make_grid, save_image

MIN_PIXELS = 64
"""Smaller images are enlarged to this side, without smoothing, so that a person can see them."""


def save_grid(images: Tensor, path: Path, columns: int) -> None:
    """Write images side by side, row by row.

    Args:
        images: ``[N, C, H, W]`` in [-1, 1]; values outside are clipped.
        path: of the PNG file; its folder exists.
        columns: images in a row, at least 1.
    """
    scale = max(1, MIN_PIXELS // images.shape[-1])
    enlarged = images.detach().cpu().repeat_interleave(scale, -2).repeat_interleave(scale, -1)
    grid = make_grid(enlarged, nrow=columns, normalize=True, value_range=(-1, 1), pad_value=1.0)
    save_image(grid, path)
