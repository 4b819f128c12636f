"""What is done to images before the Inception network: three tools, three conventions.

They are not interchangeable: distances of the same images differ by more than generators do
(Parmar, Zhang and Zhu 2022, section 3). All take images as the 8 bits that they have in a file.
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
        description: for the protocol.
        apply: from ``[N, 3, H, W]`` in [0, 255] to ``[N, 3, 299, 299]``, about [-1, 1].
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
    """As TensorFlow 1 resizes: pixels are their upper left corners."""
    rows, columns = (_corner_weights(size, pixels) for size in pixels.shape[2:])
    return (rows @ pixels @ columns.T - 128) / 128


def _corner_weights(size: int, like: Tensor) -> Tensor:
    """``[299, size]``: bilinear weights of each pixel for each resized one."""
    places = torch.arange(SIDE, device=like.device, dtype=like.dtype) * (size / SIDE)
    pixels = torch.arange(size, device=like.device)
    places = places.clamp(max=size - 1)  # beyond the last corner there is its pixel alone
    return (1 - (places[:, None] - pixels).abs()).clamp(min=0)


RESIZES: dict[str, Resize] = {
    "pytorch-fid": Resize("8-bit, bilinear to 299", _pytorch_fid),
    "clean-fid": Resize("8-bit, antialiased bicubic to 299", _clean_fid),
    "torch-fidelity": Resize("8-bit, TensorFlow 1's bilinear to 299", _torch_fidelity),
}
"""By the name of the tool that does so."""
