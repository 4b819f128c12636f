"""Resizing before the Inception network, by the conventions of three tools.

The conventions are not interchangeable: they change the distances of equal images by more than
generators differ (Parmar, Zhang and Zhu 2022, section 3). All take 8-bit images, as in a file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 299


@dataclass(frozen=True)
class Resize:
    """One convention.

    Attributes:
        description: text for the protocol.
        apply: ``[N, 3, H, W]`` in [0, 255] → ``[N, 3, 299, 299]``, about [-1, 1].
    """

    description: str
    apply: Callable[[Tensor], Tensor]


def _pytorch_fid(pixels: Tensor) -> Tensor:
    resized = F.interpolate(pixels / 255, (SIDE, SIDE), mode="bilinear", align_corners=False)
    return 2 * resized - 1


def _clean_fid(pixels: Tensor) -> Tensor:
    resized = F.interpolate(pixels, (SIDE, SIDE), mode="bicubic", antialias=True)
    return (resized.clamp(0, 255) - 128) / 128


def _torch_fidelity(pixels: Tensor) -> Tensor:
    """Resize as TensorFlow 1: sampling points are the upper left corners of pixels."""
    rows, columns = (_corner_weights(size, pixels) for size in pixels.shape[2:])
    return (rows @ pixels @ columns.T - 128) / 128


def _corner_weights(size: int, like: Tensor) -> Tensor:
    """Bilinear weights ``[299, size]`` of each source pixel for each target pixel."""
    places = torch.arange(SIDE, device=like.device, dtype=like.dtype) * (size / SIDE)
    pixels = torch.arange(size, device=like.device)
    places = places.clamp(max=size - 1)  # beyond the last corner only its pixel counts
    return (1 - (places[:, None] - pixels).abs()).clamp(min=0)


RESIZES: dict[str, Resize] = {
    "pytorch-fid": Resize("8-bit, bilinear to 299", _pytorch_fid),
    "clean-fid": Resize("8-bit, antialiased bicubic to 299", _clean_fid),
    "torch-fidelity": Resize("8-bit, TensorFlow 1's bilinear to 299", _torch_fidelity),
}
"""Conventions by the name of the tool."""
