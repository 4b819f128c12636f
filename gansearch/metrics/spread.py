"""Variation between images, to detect samples that are all equal."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Spread:
    """Accumulator of each pixel's variance over images.

    The first image is subtracted from all, so that equal images have a variance of exactly 0.

    Attributes:
        count: number of images seen.
    """

    def __init__(self) -> None:
        self.count = 0
        self._first: Tensor | None = None  # [C, H, W]
        self._sum: Tensor | float = 0.0
        self._squares: Tensor | float = 0.0

    def update(self, images: Tensor) -> None:
        """Add images ``[N, C, H, W]``."""
        images = images.double()
        if self._first is None:
            self._first = images[0]
        apart = images - self._first
        self.count += len(images)
        self._sum = self._sum + apart.sum(0)
        self._squares = self._squares + apart.square().sum(0)

    def value(self) -> float:
        """Root of the mean variance over the pixels; needs at least one image."""
        variance = torch.as_tensor(self._squares / self.count - (self._sum / self.count) ** 2)
        return math.sqrt(max(0.0, float(variance.mean())))
