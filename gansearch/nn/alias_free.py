"""Low-pass filters and the alias-free non-linearity (Karras et al. 2021, Alias-Free GAN).

A feature map samples a continuous, band-limited signal. Frequencies are in cycles and rates in
samples per unit of length. The image has width 1, so its sampling rate equals its resolution.
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
"""Filter taps per sample at the band's rate (n in the paper)."""
OVERSAMPLING = 2
"""Sampling rate of the leaky ReLU relative to the higher of its input and output rates (m in the
paper)."""

Taps = NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """The frequency band of a feature map.

    Attributes:
        rate: sampling rate s.
        cutoff: cutoff frequency f_c of the signal.
        half_width: half width f_h of the transition band around the cutoff.
    """

    rate: float
    cutoff: float
    half_width: float


def separable_lowpass(band: Band, factor: int) -> Taps:
    """A separable windowed-sinc filter for resampling by ``factor`` (appendix C).

    Args:
        band: gives the filter's cutoff; its transition band sets the Kaiser window.
        factor: ratio of the higher to the lower rate, at least 2.

    Returns:
        ``[6 · factor, 6 · factor]`` taps at the higher rate that sum to 1.
    """
    rate = band.rate * factor
    line: Taps = firwin(TAPS * factor, band.cutoff, width=2 * band.half_width, fs=rate)
    return np.outer(line, line)


def radial_lowpass(band: Band, factor: int) -> Taps:
    """A radially symmetric windowed-jinc filter; arguments and shape as the separable one's."""
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
    """Filter each channel separately.

    Args:
        x: ``[N, C, H, W]``.
        taps: ``[h, w]``, symmetric.
        stride: step between outputs.
        padding: zeros on each side; ``same`` preserves the size.

    Returns:
        ``[N, C, (H + 2 · padding - h) / stride + 1, ...]``.
    """
    channels = x.shape[1]
    kernel = taps.expand(channels, 1, -1, -1)
    return F.conv2d(x, kernel, stride=stride, padding=padding, groups=channels)


def upsample2d(x: Tensor, taps: Tensor, factor: int, crop: int = 0) -> Tensor:
    """Upsample each channel by inserting zeros, then filter.

    Args:
        x: ``[N, C, H, W]``.
        taps: ``[n, n]``, symmetric, with sum ``factor²``.
        factor: ratio of the output to the input rate.
        crop: samples cropped on each side of the output.

    Returns:
        ``[N, C, (H - 1) · factor + n - 2 · crop, ...]``.
    """
    channels = x.shape[1]
    kernel = taps.expand(channels, 1, -1, -1)
    # Both axes at once: one pass per axis takes four times as long on a CPU.
    return F.conv_transpose2d(x, kernel, stride=factor, padding=crop, groups=channels)


class FilteredLeakyReLU(nn.Module):
    """A leaky ReLU with slope 0.2 and gain √2 that keeps the signal band-limited (section 3.2).

    The signal is upsampled to twice the higher of the two rates, passed through the leaky ReLU,
    low-pass filtered at the target's cutoff and downsampled to the target's rate. Input and output
    are centred alike; samples that the output does not need are cropped before the leaky ReLU.

    Args:
        source: band of the input.
        target: band of the output; the rates differ by a power of two.
        in_size: height and width of the input.
        out_size: height and width of the output; ``(out_size + 5) / target.rate`` must not exceed
            the same of the input.
        radial: whether the downsampling filter is radially symmetric; the upsampling filter is
            always separable.
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
        # A leaky ReLU commutes with a positive gain, which is free inside a filter.
        self._keep("down_filter", design(target, self.down) * SQRT_2)

    def _keep(self, name: str, taps: Taps) -> None:
        self.register_buffer(name, torch.tensor(taps, dtype=torch.float32), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, in_size, in_size]`` → ``[N, C, out_size, out_size]``."""
        x = upsample2d(x, self.up_filter, self.up, self.crop)
        x = F.leaky_relu(x, SLOPE, inplace=True)
        return filter2d(x, self.down_filter, stride=self.down)
