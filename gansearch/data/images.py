"""Image sets: pixels as bytes, a deterministic split, and a fingerprint of the content."""

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
"""Maximum size of a set that is kept in memory and on the training device, in bytes of pixels."""

_RESIZE_CHUNK = 4096  # images converted to float at a time


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images in a fixed order, read by index.

    Attributes:
        spec: channels, resolution and classes of the images.
        fingerprint: hash of the images' content and order and of their processing (resolution,
            holdout); independent of the location.
        pixels: ``[M, C, H, W]``, uint8 in [0, white]; may be memory-mapped.
        labels: ``[M]``, int64 in [0, classes), or ``None``.
        rows: ``[N]``, int64: rows of ``pixels`` that form this set, in its order.
        white: pixel value of 1.0; pixel value 0 is -1.0.
        skipped: ``name: reason`` for each unreadable file, which the set omits.
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
        """Size of this set's pixels in bytes."""
        return len(self) * math.prod(self.pixels.shape[1:])

    @property
    def resident(self) -> bool:
        """Whether this set is small enough to be kept on the training device."""
        return self.nbytes <= RESIDENT_BYTES

    def gather(self, indices: Tensor) -> tuple[Tensor, Tensor | None]:
        """Gather pixels and labels at ``indices`` as they are stored.

        Args:
            indices: ``[B]``, int64 in [0, len), on the set's device.

        Returns:
            uint8 ``[B, C, H, W]`` and int64 ``[B]`` or ``None``, new tensors.
        """
        rows = self.rows[indices]
        return self.pixels[rows], None if self.labels is None else self.labels[rows]

    def normalise(self, pixels: Tensor) -> Tensor:
        """Convert stored pixels to float32 in [-1, 1], with equal bits on every device."""
        # Two roundings in a fixed order. Division by a scalar would differ between CPU and CUDA.
        return pixels.float().sub_(self.white / 2).mul_(2 / self.white)

    def batch(self, indices: Tensor) -> Batch:
        """Return the images at ``indices`` (``[B]``, int64 in [0, len)), on the set's device."""
        pixels, labels = self.gather(indices)
        return Batch(self.normalise(pixels), labels)

    def subset(self, indices: Tensor) -> Self:
        """Return the images at ``indices`` (int64 in [0, len)) as a set in the order of indices."""
        rows = self.rows[indices]
        chosen = fingerprint(self.fingerprint, repr(indices.tolist()))
        return replace(self, rows=rows, fingerprint=chosen)

    def in_colour(self) -> Self:
        """Return the set with three channels; gray images get three equal channels."""
        if self.spec.channels == 3:
            return self
        return replace(
            self,
            spec=replace(self.spec, channels=3),
            pixels=self.pixels.expand(-1, 3, -1, -1),
            fingerprint=fingerprint(self.fingerprint, "in colour"),
        )

    def to(self, device: torch.device) -> Self:
        """Return this set on ``device``: itself if already there, otherwise a copy of its rows."""
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
    """Training and held-out images of a trial.

    Attributes:
        train: training images.
        heldout: held-out images, or ``None`` if the holdout is 0.
    """

    train: ImageSet
    heldout: ImageSet | None


def split(images: ImageSet, holdout: float) -> Images:
    """Split ``images`` into training and held-out images.

    The split depends only on the set's fingerprint and the holdout, so all trials of a study hold
    out the same images on every machine.

    Args:
        images: the whole set.
        holdout: share of held-out images, in [0, 1); above 0 at least one image is held out.

    Raises:
        DataError: no training images would remain.
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
    """Make a set of images in memory, resized if they have another resolution.

    Args:
        pixels: ``[N, C, S, S]``, uint8 in [0, white].
        labels: ``[N]``, int64 in [0, classes), or ``None``.
        resolution: resolution of the set, in pixels.
        classes: number of classes; 0 without labels.
        white: pixel value of 1.0.
    """
    # The fingerprint is of the source: resized pixels can differ by a level between processors.
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
    """Resize square images ``[N, C, S, S]``, uint8, with an antialiased bicubic filter.

    The filter is that of :func:`gansearch.data.decode.decode`, except for Pillow's rounding between
    its two passes.
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
    """Return a permutation of ``range(count)`` that is a pure function of ``entropy``.

    NumPy and torch do not guarantee a stable stream for shuffles. NumPy guarantees the raw output
    of PCG64 (NEP 19), so the order is the same in all versions.

    Returns:
        ``[count]``, int64.
    """
    raw = np.random.PCG64(np.random.SeedSequence(entropy)).random_raw(count)
    return torch.from_numpy(np.argsort(raw, kind="stable"))


def fingerprint(*parts: str | bytes | memoryview) -> str:
    """Hash of parts and of their boundaries, in hexadecimal."""
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = memoryview(part.encode() if isinstance(part, str) else part)
        hashed.update(data.nbytes.to_bytes(8, "little"))
        hashed.update(data)
    return hashed.hexdigest()
