"""How far images vary, to tell samples that are one image from samples that differ."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Spread:
    """Streamed variance of each pixel over the images that it is shown.

    Images are taken relative to the first one, so that equal images have a variance of exactly 0.

    Attributes:
        count: images seen so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._first: Tensor | None = None  # [C, H, W]
        self._sum: Tensor | float = 0.0
        self._squares: Tensor | float = 0.0

    def update(self, images: Tensor) -> None:
        """Add a batch, ``[N, C, H, W]``."""
        images = images.double()
        if self._first is None:
            self._first = images[0]
        apart = images - self._first
        self.count += len(images)
        self._sum = self._sum + apart.sum(0)
        self._squares = self._squares + apart.square().sum(0)

    def value(self) -> float:
        """Root of the variance's mean over the pixels; at least one image was seen."""
        variance = torch.as_tensor(self._squares / self.count - (self._sum / self.count) ** 2)
        return math.sqrt(max(0.0, float(variance.mean())))
