"""Batches without end, in an order that is a pure function of the seed and the position."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Literal

import torch
from torch import Tensor

from gansearch.data.batch import Batch
from gansearch.data.images import ImageSet, permutation

_AHEAD = 4  # batches that are read at once, so that a slow disk has something to do

_Stored = tuple[Tensor, Tensor | None]


class BatchStream:
    """Fresh batches of a set's images, for as long as anybody asks.

    The images run in epochs, each a permutation of the whole set that is a pure function of
    (seed, epoch). Batches are cut from that sequence without regard to where an epoch ends: every
    batch is full, every image is shown once an epoch, and a batch may be larger than the set.

    A resident set is indexed on the device. A streamed one is read by threads while the device
    works, and moved as bytes from pinned memory; the batches are the same ones.

    Args:
        images: the set.
        batch_size: images in a batch.
        seed: of the order.
        device: that the batches are on.
        data: how the set is read; ``auto`` has it resident where it fits.

    Attributes:
        position: batches taken so far, 0 at first. Setting it continues as if that many had been
            taken.
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
        # Not a bound method: the cycle would keep the set on the device until Python collects it.
        order = partial(_order, len(images), seed, self._images.pixels.device)
        self._order = lru_cache(maxsize=2)(order)  # a batch may span two epochs

    def next(self) -> Batch:
        """The next ``batch_size`` images, on the stream's device."""
        pixels, labels = self._stored() if self._pool is None else self._read_ahead(self._pool)
        self.position += 1
        stored = Batch(pixels, labels).to(self._device)
        return Batch(self._images.normalise(stored.images), stored.labels)

    def _stored(self) -> _Stored:
        return self._images.gather(self._indices(self.position))

    def _read_ahead(self, pool: ThreadPoolExecutor) -> _Stored:
        # Rebuilt every time, so that batches read for another position are forgotten.
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
    """``tensor`` where ``device`` can copy it from while the host goes on."""
    return tensor.pin_memory() if device.type == "cuda" else tensor
