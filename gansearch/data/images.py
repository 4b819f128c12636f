"""Sets of images: pixels as bytes, split once and for all, with a fingerprint of what they are."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gansearch.data.batch import Batch, ImageSpec
from gansearch.errors import DataError

RESIDENT_BYTES = 1 << 30
"""Sets of at most this many bytes of pixels lie in memory, and on the device that trains."""

_RESIZE_CHUNK = 4096  # images whose float copies exist at a time


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images that are read by index, in an order that is fixed for ever.

    Attributes:
        spec: channels, resolution and classes of the images.
        fingerprint: hash of the images' content and order and of what was done to them (resolution,
            holdout); the same wherever they lie.
        pixels: ``[M, C, H, W]``, uint8 in [0, white]; may be memory-mapped.
        labels: ``[M]``, int64 in [0, classes), or ``None``.
        rows: ``[N]``, int64: which of the pixels' rows make this set, in its order.
        white: the pixel value that stands for 1.0; 0 stands for -1.0.
        skipped: ``name: reason`` of each file that could not be read and was left out.
    """

    spec: ImageSpec
    fingerprint: str
    pixels: Tensor
    labels: Tensor | None
    rows: Tensor
    white: int = 255
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def nbytes(self) -> int:
        """Bytes of this set's pixels."""
        return len(self) * math.prod(self.pixels.shape[1:])

    @property
    def resident(self) -> bool:
        """Whether this set is small enough to lie on the device that trains."""
        return self.nbytes <= RESIDENT_BYTES

    def gather(self, indices: Tensor) -> tuple[Tensor, Tensor | None]:
        """Pixels and labels at ``indices`` as they are stored.

        Args:
            indices: ``[B]``, int64 in [0, len), on the set's device.

        Returns:
            uint8 ``[B, C, H, W]`` and int64 ``[B]`` or ``None``, new tensors.
        """
        rows = self.rows[indices]
        return self.pixels[rows], None if self.labels is None else self.labels[rows]

    def normalise(self, pixels: Tensor) -> Tensor:
        """Stored pixels as float32 in [-1, 1], bit for bit the same on every device."""
        # Two roundings in a fixed order; a division by a scalar differs between CPU and CUDA.
        return pixels.float().sub_(self.white / 2).mul_(2 / self.white)

    def batch(self, indices: Tensor) -> Batch:
        """The images at ``indices`` (``[B]``, int64 in [0, len)), on the set's device."""
        pixels, labels = self.gather(indices)
        return Batch(self.normalise(pixels), labels)

    def subset(self, indices: Tensor) -> Self:
        """The images at ``indices`` (int64 in [0, len)) as a set of their own, in their order."""
        rows = self.rows[indices]
        chosen = fingerprint(self.fingerprint, repr(indices.tolist()))
        return replace(self, rows=rows, fingerprint=chosen)

    def in_colour(self) -> Self:
        """Gray images with three equal channels; those in colour as they are."""
        if self.spec.channels == 3:
            return self
        return replace(
            self,
            spec=replace(self.spec, channels=3),
            pixels=self.pixels.expand(-1, 3, -1, -1),
            fingerprint=fingerprint(self.fingerprint, "in colour"),
        )

    def to(self, device: torch.device) -> Self:
        """This set on ``device``: itself where it lies there already, else a copy of its rows."""
        if self.pixels.device == device:
            return self
        pixels, labels = self.gather(torch.arange(len(self)))
        return replace(
            self,
            pixels=pixels.to(device),
            labels=None if labels is None else labels.to(device),
            rows=torch.arange(len(self), device=device),
        )


@dataclass(frozen=True)
class Images:
    """What a trial trains on and what is kept out of training.

    Attributes:
        train: the training images.
        heldout: the others, or ``None`` where the holdout is 0.
    """

    train: ImageSet
    heldout: ImageSet | None


def split(images: ImageSet, holdout: float) -> Images:
    """Keep a share of ``images`` out of training.

    Which ones follows from the set's fingerprint alone, so every trial of a study, on every
    machine, keeps out the same.

    Args:
        images: the whole set.
        holdout: share kept out, in [0, 1); above 0 at least one image is.

    Raises:
        DataError: nothing would be left to train on.
    """
    count = max(1, round(holdout * len(images))) if holdout else 0
    if count >= len(images):
        raise DataError(f"a holdout of {holdout:g} of {len(images)} images leaves none to train on")
    order = permutation(len(images), int(images.fingerprint, 16))

    def part(name: str, chosen: Tensor) -> ImageSet:
        return replace(
            images,
            rows=images.rows[chosen.sort().values],
            fingerprint=fingerprint(images.fingerprint, repr(holdout), name),
        )

    return Images(
        train=part("train", order[count:]),
        heldout=part("heldout", order[:count]) if count else None,
    )


def from_arrays(
    pixels: Tensor, labels: Tensor | None, *, resolution: int, classes: int = 0, white: int = 255
) -> ImageSet:
    """A set of images that are in memory, resized where they have another resolution.

    Args:
        pixels: ``[N, C, S, S]``, uint8 in [0, white].
        labels: ``[N]``, int64 in [0, classes), or ``None``.
        resolution: of the set's images, in pixels.
        classes: number of classes, 0 without labels.
        white: the pixel value that stands for 1.0.
    """
    # Of the source: what a filter makes of it may differ by a level between processors.
    return ImageSet(
        spec=ImageSpec(pixels.shape[1], resolution, classes),
        fingerprint=fingerprint(
            repr((*pixels.shape, resolution, white, classes)),
            pixels.numpy().data,
            b"" if labels is None else labels.numpy().data,
        ),
        pixels=resize(pixels, resolution, white),
        labels=labels,
        rows=torch.arange(len(pixels)),
        white=white,
    )


def resize(pixels: Tensor, resolution: int, white: int = 255) -> Tensor:
    """Square images ``[N, C, S, S]``, uint8, at another resolution: bicubic, antialiased.

    It is the filter that :func:`gansearch.data.decode.decode` uses on files, but for Pillow's
    rounding between its two passes.
    """
    if pixels.shape[-1] == resolution:
        return pixels
    chunks = [
        F.interpolate(chunk.float(), (resolution, resolution), mode="bicubic", antialias=True)
        .round_()
        .clamp_(0, white)
        .to(torch.uint8)
        for chunk in torch.split(pixels, _RESIZE_CHUNK)
    ]
    return torch.cat(chunks)


def permutation(count: int, *entropy: int) -> Tensor:
    """A permutation of ``range(count)`` that is a pure function of ``entropy``.

    NumPy and torch promise no stable stream for their shuffles; PCG64's raw output is promised
    (NEP 19), so an order outlives the versions of both.

    Returns:
        ``[count]``, int64.
    """
    raw = np.random.PCG64(np.random.SeedSequence(entropy)).random_raw(count)
    return torch.from_numpy(np.argsort(raw, kind="stable"))


def fingerprint(*parts: str | bytes | memoryview) -> str:
    """A hash of parts, in hexadecimal; where one ends and the next begins counts."""
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = memoryview(part.encode() if isinstance(part, str) else part)
        hashed.update(data.nbytes.to_bytes(8, "little"))
        hashed.update(data)
    return hashed.hexdigest()
