"""Lowpass filters and the alias-free non-linearity (Karras et al. 2021, Alias-Free GAN).

A feature map is a sampling of a continuous, band-limited signal. Frequencies, widths and rates are
in cycles and samples a unit of length, and the image is 1 wide: its rate is its resolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import firwin, kaiser_atten, kaiser_beta
from scipy.special import j1
from torch import Tensor, nn
from torch.nn import functional as F

from gansearch.nn.equalised import SLOPE, SQRT_2

TAPS = 6
"""Of a filter, for each sample at its band's rate: the paper's n."""
OVERSAMPLING = 2
"""Of the leaky ReLU against the higher of the two rates beside it: the paper's m."""

Taps = NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """The frequencies of a feature map.

    Attributes:
        rate: of sampling, s.
        cutoff: up to which the signal lies, f_c.
        half_width: of the transition band around the cutoff, f_h.
    """

    rate: float
    cutoff: float
    half_width: float


def separable_lowpass(band: Band, factor: int) -> Taps:
    """A windowed sinc for each axis, between the band's rate and ``factor`` times it (appendix C).

    Args:
        band: its cutoff is the filter's; Kaiser's formula turns its transition band into the shape
            of the window.
        factor: of the rates, at least 2.

    Returns:
        ``[6 · factor, 6 · factor]`` taps at the higher rate that sum to 1.
    """
    rate = band.rate * factor
    line: Taps = firwin(TAPS * factor, band.cutoff, width=2 * band.half_width, fs=rate)
    return np.outer(line, line)


def radial_lowpass(band: Band, factor: int) -> Taps:
    """Its radially symmetric counterpart, a windowed jinc, of the same arguments and shape."""
    rate, count = band.rate * factor, TAPS * factor
    beta = kaiser_beta(kaiser_atten(count, 2 * band.half_width / (rate / 2)))
    window = np.kaiser(count, beta)
    place = (np.arange(count) - (count - 1) / 2) / rate
    radius = np.hypot(*np.meshgrid(place, place))  # never 0: the number of taps is even
    jinc: Taps = j1(2 * np.pi * band.cutoff * radius) / radius
    taps: Taps = jinc * np.outer(window, window)
    taps /= taps.sum()
    return taps


def filter2d(
    x: Tensor, taps: Tensor, *, stride: int = 1, padding: int | Literal["same"] = 0
) -> Tensor:
    """Filter each channel alone.

    Args:
        x: ``[N, C, H, W]``.
        taps: ``[h, w]``, symmetric.
        stride: between two outputs.
        padding: zeros on each side, or so many that the size stays.

    Returns:
        ``[N, C, (H + 2 · padding - h) / stride + 1, ...]``.
    """
    channels = x.shape[1]
    kernel = taps.expand(channels, 1, -1, -1)
    return F.conv2d(x, kernel, stride=stride, padding=padding, groups=channels)


def upsample2d(x: Tensor, taps: Tensor, factor: int, crop: int = 0) -> Tensor:
    """Raise the rate of each channel: zeros between the samples, then the filter.

    Args:
        x: ``[N, C, H, W]``.
        taps: ``[n, n]``, symmetric, with the sum ``factor²``.
        factor: of the rates.
        crop: samples left out on each side of the whole output.

    Returns:
        ``[N, C, (H - 1) · factor + n - 2 · crop, ...]``.
    """
    channels = x.shape[1]
    kernel = taps.expand(channels, 1, -1, -1)
    # Both axes at once: on a CPU two passes, one an axis, take four times as long.
    return F.conv_transpose2d(x, kernel, stride=factor, padding=crop, groups=channels)


class FilteredLeakyReLU(nn.Module):
    """A leaky ReLU of slope 0.2, times √2, that keeps a signal in its band (section 3.2).

    The non-linearity works at twice the higher of the two rates; what it adds above the target's
    cutoff is filtered out before the samples are taken at the target's rate. Both maps have the
    same centre; what the output does not need is cropped before the non-linearity.

    Args:
        source: band of the input.
        target: band of the output; rates differ by a power of two.
        in_size: height and width of the input.
        out_size: of the output, with ``(out_size + 5) / target.rate`` not above the input's.
        radial: whether the filter down is radially symmetric; the one up is separable always.
    """

    up_filter: Tensor
    down_filter: Tensor

    def __init__(
        self, source: Band, target: Band, in_size: int, out_size: int, *, radial: bool = False
    ) -> None:
        super().__init__()
        rate = OVERSAMPLING * max(source.rate, target.rate)
        self.up, self.down = round(rate / source.rate), round(rate / target.rate)
        whole = (in_size - 1 + TAPS) * self.up
        needed = (out_size - 1 + TAPS) * self.down
        self.crop = (whole - needed) // 2  # both are even
        design = radial_lowpass if radial else separable_lowpass
        self._keep("up_filter", separable_lowpass(source, self.up) * self.up**2)
        # A leaky ReLU commutes with a positive gain, which costs nothing in a filter.
        self._keep("down_filter", design(target, self.down) * SQRT_2)

    def _keep(self, name: str, taps: Taps) -> None:
        self.register_buffer(name, torch.tensor(taps, dtype=torch.float32), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, in_size, in_size]`` → ``[N, C, out_size, out_size]``."""
        x = upsample2d(x, self.up_filter, self.up, self.crop)
        x = F.leaky_relu(x, SLOPE, inplace=True)
        return filter2d(x, self.down_filter, stride=self.down)
