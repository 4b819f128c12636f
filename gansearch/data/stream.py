"""Endless batches, in an order that is a pure function of seed and position."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Literal

import torch
from torch import Tensor

from gansearch.data.batch import Batch
from gansearch.data.images import ImageSet, permutation

_AHEAD = 4  # batches read in parallel, which keeps a slow disk busy

_Stored = tuple[Tensor, Tensor | None]


class BatchStream:
    """An endless stream of batches from an image set.

    The images are shown in epochs. Each epoch is a permutation of the whole set, a pure function of
    (seed, epoch). Batches are consecutive parts of this sequence and may span epochs: every batch
    is full, every image is shown once per epoch, and a batch may be larger than the set.

    A resident set is indexed on the device. A streamed set is read by threads while the device
    works, and copied as bytes from pinned memory. Both give the same batches.

    Args:
        images: image set.
        batch_size: images per batch.
        seed: seed of the order.
        device: device of the batches.
        data: whether the set is resident or streamed; ``auto`` means resident if it is small
            enough.

    Attributes:
        position: number of batches taken, initially 0. Setting it continues the stream from there.
    """

    def __init__(
        self,
        images: ImageSet,
        batch_size: int,
        seed: int,
        device: torch.device,
        data: Literal["auto", "resident", "streamed"] = "auto",
    ) -> None:
        self.position = 0
        resident = images.resident if data == "auto" else data == "resident"
        self._images = images.to(device) if resident else images
        self._batch_size = batch_size
        self._device = device
        self._pool = None if resident else ThreadPoolExecutor(_AHEAD, "batches")
        self._ahead: dict[int, Future[_Stored]] = {}
        # A bound method would form a cycle and keep the set on the device until it is collected.
        order = partial(_order, len(images), seed, self._images.pixels.device)
        self._order = lru_cache(maxsize=2)(order)  # a batch may span two epochs

    def next(self) -> Batch:
        """Return the next ``batch_size`` images, on the stream's device."""
        pixels, labels = self._stored() if self._pool is None else self._read_ahead(self._pool)
        self.position += 1
        stored = Batch(pixels, labels).to(self._device)
        return Batch(self._images.normalise(stored.images), stored.labels)

    def _stored(self) -> _Stored:
        return self._images.gather(self._indices(self.position))

    def _read_ahead(self, pool: ThreadPoolExecutor) -> _Stored:
        # Rebuilt every time, to drop batches that were read for another position.
        self._ahead = {
            position: self._ahead.get(position) or pool.submit(self._read, self._indices(position))
            for position in range(self.position, self.position + _AHEAD)
        }
        return self._ahead[self.position].result()

    def _read(self, indices: Tensor) -> _Stored:
        pixels, labels = self._images.gather(indices)
        return _pinned(pixels, self._device), None if labels is None else _pinned(
            labels, self._device
        )

    def _indices(self, position: int) -> Tensor:
        epoch, offset = divmod(position * self._batch_size, len(self._images))
        parts, missing = [], self._batch_size
        while missing:
            part = self._order(epoch)[offset : offset + missing]
            parts.append(part)
            missing -= len(part)
            epoch, offset = epoch + 1, 0
        return parts[0] if len(parts) == 1 else torch.cat(parts)


def _order(count: int, seed: int, device: torch.device, epoch: int) -> Tensor:
    return _pinned(permutation(count, seed, epoch), device).to(device, non_blocking=True)


def _pinned(tensor: Tensor, device: torch.device) -> Tensor:
    """Pin ``tensor`` for asynchronous copies to ``device``; on a CPU return it unchanged."""
    return tensor.pin_memory() if device.type == "cuda" else tensor
