"""A batch of images, and the form of images that networks are built for."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class ImageSpec:
    """Form of the images that networks are built for.

    Attributes:
        channels: number of channels, 1 or 3.
        resolution: height and width in pixels, a power of two, at least 8.
        classes: number of classes; 0 without labels.
    """

    channels: int
    resolution: int
    classes: int = 0


@dataclass(frozen=True)
class Batch:
    """Images with their labels.

    Attributes:
        images: ``[N, C, H, W]``, float32 in [-1, 1].
        labels: ``[N]``, int64 in [0, classes), or ``None`` without labels.
    """

    images: Tensor
    labels: Tensor | None = None

    def __len__(self) -> int:
        return self.images.shape[0]

    def to(self, device: torch.device) -> Self:
        """Return this batch on ``device``; copies from pinned memory do not block."""
        return replace(
            self,
            **{
                f.name: value.to(device, non_blocking=True)
                for f in fields(self)
                if (value := getattr(self, f.name)) is not None
            },
        )
