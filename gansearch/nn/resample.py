"""Convolutions fused with upsampling or downsampling.

Nearest-neighbour upsampling followed by a k x k convolution equals one transposed convolution of
stride 2 with a (k + 1) x (k + 1) kernel. A convolution followed by 2 x 2 average pooling equals one
convolution of stride 2. Both hold up to rounding, borders included, and take (k + 1)² / 4k² of the
multiply-accumulates: four ninths for a 3 x 3 kernel.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class Upsampled(nn.Module):
    """Nearest-neighbour upsampling by 2, then a convolution.

    Args:
        conv: a convolution of stride 1 that preserves the size.
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
        if conv.kernel_size == (1, 1):  # commutes with the upsampling
            return F.interpolate(conv(x), scale_factor=2)
        kernel = 4 * _blurred(conv.weight).flip(2, 3).transpose(0, 1)
        return F.conv_transpose2d(x, kernel, conv.bias, stride=2, padding=_padding(conv))


class Averaged(nn.Module):
    """A convolution, then 2 x 2 average pooling.

    Args:
        conv: a convolution of stride 1 that preserves the size.
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
    """Average a kernel ``[.., k, k]`` over 2 x 2 windows: ``[.., k + 1, k + 1]``."""
    return F.avg_pool2d(weight, 2, stride=1, padding=1)


def _padding(conv: nn.Conv2d) -> int:
    return conv.kernel_size[0] // 2
