"""A batch of images and what a variant needs to know of the data before it sees any."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class ImageSpec:
    """What networks are built for.

    Attributes:
        channels: 1 or 3.
        resolution: height and width in pixels, a power of two, at least 8.
        classes: number of classes, or 0 where images carry no labels.
    """

    channels: int
    resolution: int
    classes: int = 0


@dataclass(frozen=True)
class Batch:
    """Images and what belongs to them.

    Attributes:
        images: ``[N, C, H, W]``, float32 in [-1, 1].
        labels: ``[N]``, int64 in [0, classes), or ``None`` where the data has none.
    """

    images: Tensor
    labels: Tensor | None = None

    def __len__(self) -> int:
        return self.images.shape[0]

    def to(self, device: torch.device) -> Self:
        """This batch on ``device``; copies from pinned memory do not block."""
        return replace(
            self,
            **{
                f.name: value.to(device, non_blocking=True)
                for f in fields(self)
                if (value := getattr(self, f.name)) is not None
            },
        )
