"""Sample grids as PNG files."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

MIN_PIXELS = 64
"""Side in pixels to which smaller images are enlarged, without smoothing."""
BORDER = 2
"""Width of the white border around each image, in pixels."""


# torchvision has this too, but its import doubles the start time of a trial's process.
def save_grid(images: Tensor, path: Path, columns: int) -> None:
    """Write images side by side, row by row.

    Args:
        images: ``[N, C, H, W]`` in [-1, 1]; values outside are clipped.
        path: path of the PNG file; its folder exists.
        columns: images per row, at least 1.
    """
    scale = max(1, MIN_PIXELS // images.shape[-1])
    enlarged = images.detach().cpu().repeat_interleave(scale, -2).repeat_interleave(scale, -1)
    tiles = F.pad(enlarged.expand(-1, 3, -1, -1), (BORDER, 0, BORDER, 0), value=1.0)
    columns = min(columns, len(tiles))
    missing = -len(tiles) % columns
    tiles = torch.cat([tiles, torch.ones_like(tiles[:1]).expand(missing, -1, -1, -1)])
    rows = [torch.cat(list(row), dim=2) for row in torch.split(tiles, columns)]
    grid = F.pad(torch.cat(rows, dim=1), (0, BORDER, 0, BORDER), value=1.0)
    pixels = (grid.clamp(-1, 1) + 1).mul(127.5).round().byte()
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(path)
