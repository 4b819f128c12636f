"""Convolutions at a change of resolution, folded into one where that is the same and cheaper.

Doubling an image by repeating pixels and then filtering it with a k x k kernel is one transposed
convolution of stride 2 with a (k + 1) x (k + 1) kernel; filtering and then averaging 2 x 2 pixels
is one of stride 2. Both are equal to the two steps up to rounding, borders included, at
(k + 1)² / 4k² of their multiply-accumulates: four ninths for a 3 x 3 kernel.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class Upsampled(nn.Module):
    """A convolution of what comes in at twice its size, by nearest neighbours.

    Args:
        conv: of stride 1 that keeps the size.
    """

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        """``[N, cin, H, W]`` → ``[N, cout, 2H, 2W]``."""
        conv = self.conv
        if not isinstance(conv, nn.Conv2d):
            doubled: Tensor = conv(F.interpolate(x, scale_factor=2))
            return doubled
        if conv.kernel_size == (1, 1):  # nothing is mixed between pixels: filter the fewer ones
            return F.interpolate(conv(x), scale_factor=2)
        kernel = 4 * _blurred(conv.weight).flip(2, 3).transpose(0, 1)
        return F.conv_transpose2d(x, kernel, conv.bias, stride=2, padding=_padding(conv))


class Averaged(nn.Module):
    """A convolution, then the mean of each 2 x 2 pixels.

    Args:
        conv: of stride 1 that keeps the size.
    """

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        """``[N, cin, H, W]`` → ``[N, cout, H / 2, W / 2]``."""
        conv = self.conv
        if not isinstance(conv, nn.Conv2d):
            return F.avg_pool2d(conv(x), 2)
        if conv.kernel_size == (1, 1):
            averaged: Tensor = conv(F.avg_pool2d(x, 2))
            return averaged
        return F.conv2d(x, _blurred(conv.weight), conv.bias, stride=2, padding=_padding(conv))


def _blurred(weight: Tensor) -> Tensor:
    """The kernel ``[.., k, k]`` after a mean over 2 x 2, ``[.., k + 1, k + 1]``."""
    return F.avg_pool2d(weight, 2, stride=1, padding=1)


def _padding(conv: nn.Conv2d) -> int:
    return conv.kernel_size[0] // 2
