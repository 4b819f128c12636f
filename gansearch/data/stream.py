"""Batches without end, in an order that is a pure function of the seed and the position."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from gansearch.data.batch import Batch
from gansearch.data.images import ImageSet, permutation


class BatchStream:
    """Fresh batches of a set's images, for as long as anybody asks.

    The images run in epochs, each a permutation of the whole set that is a pure function of
    (seed, epoch). Batches are cut from that sequence without regard to where an epoch ends: every
    batch is full, every image is shown once an epoch, and a batch may be larger than the set.

    Attributes:
        position: batches taken so far. Setting it continues as if that many had been taken.
    """

    def __init__(self, images: ImageSet, batch_size: int, seed: int, device: torch.device) -> None:
        self.position = 0
        self._images = images.to(device)
        self._batch_size = batch_size
        self._seed = seed
        self._device = device
        self._order = lru_cache(maxsize=2)(self._permutation)

    def next(self) -> Batch:
        """The next ``batch_size`` images, on the stream's device."""
        indices = self._indices(self.position)
        self.position += 1
        return self._images.batch(indices)

    def _indices(self, position: int) -> Tensor:
        epoch, offset = divmod(position * self._batch_size, len(self._images))
        parts, missing = [], self._batch_size
        while missing:
            part = self._order(epoch)[offset : offset + missing]
            parts.append(part)
            missing -= len(part)
            epoch, offset = epoch + 1, 0
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _permutation(self, epoch: int) -> Tensor:
        return permutation(len(self._images), self._seed, epoch).to(self._device)
