"""FastGAN's generator in Projected GAN's form (Liu et al. 2021; Sauer et al. 2021, appendix)."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from gansearch.nn.conv import ConvFactory
from gansearch.settings import Dsc

SMALLEST = 4
"""Resolution of the first block, in pixels."""
EXCITATION = 16
"""Ratio of an excited block's resolution to that of the map that excites it."""
FIRST_EXCITED, LAST_EXCITED = 64, 512
"""Range of resolutions with skip-layer excitation, in pixels."""

_WIDTHS = {4: 16, 8: 8, 16: 4, 32: 2, 64: 2, 128: 1, 256: 1 / 2, 512: 1 / 4, 1024: 1 / 8}

Size = Literal["big", "lite"]


def widths(channels: int, resolution: int) -> dict[int, int]:
    """Channels by resolution up to ``resolution``; ``channels`` is the width at 128 pixels."""
    return {r: max(1, int(w * channels)) for r, w in _WIDTHS.items() if r <= resolution}


class Noise(nn.Module):
    """Adds one map of Gaussian noise to all channels, with a learnt strength that starts at 0."""

    def __init__(self) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` → the same shape."""
        return x + self.strength * torch.randn_like(x[:, :1])


class UpBlock(nn.Sequential):
    """Nearest-neighbour upsampling, then spectrally normalised 3x3 convolutions with gates (GLU).

    The big block has two convolutions with noise, the lite block one without.

    Args:
        conv: builds the convolutions.
        cin: input channels.
        cout: output channels.
        resolution: output resolution, in pixels.
        size: big or lite.
    """

    def __init__(self, conv: ConvFactory, cin: int, cout: int, resolution: int, size: Size) -> None:
        layers: list[nn.Module] = [nn.Upsample(scale_factor=2, mode="nearest")]
        for channels in (cin, cout)[: 2 if size == "big" else 1]:
            layers += [
                conv(channels, 2 * cout, 3, resolution=resolution, bias=False, spectral_norm=True),
                *([Noise()] if size == "big" else []),
                nn.BatchNorm2d(2 * cout),
                nn.GLU(dim=1),
            ]
        super().__init__(*layers)


class Excitation(nn.Module):
    """Skip-layer excitation (SLE): a small early map scales the channels of a large late one.

    Liu et al. 2021, section 3.1.

    Args:
        conv: builds the convolutions.
        cin: channels of the small map.
        cout: channels of the large one.
    """

    def __init__(self, conv: ConvFactory, cin: int, cout: int) -> None:
        super().__init__()

        def layer(channels: int, kernel: int) -> nn.Module:
            return conv(
                channels,
                cout,
                kernel,
                resolution=SMALLEST,
                padding=0,
                bias=False,
                spectral_norm=True,
            )

        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(SMALLEST),
            layer(cin, SMALLEST),
            nn.SiLU(),
            layer(cout, 1),
            nn.Sigmoid(),
        )

    def forward(self, small: Tensor, large: Tensor) -> Tensor:
        """``[N, cin, h, w]`` and ``[N, cout, H, W]`` → the shape of the large one."""
        scaled: Tensor = large * self.gate(small)
        return scaled


class FastGan(nn.Module):
    """Latents to images: an upsampling network of gated blocks with skip-layer excitation.

    ``dsc`` applies to the convolutions of the blocks, and to the excitations if ``dsc_sle`` is set.
    The first block has no map to filter and the last convolution has 3 channels; both stay dense.

    Args:
        z_dim: length of a latent.
        channels: width at 128 pixels; ``ngf`` in the reference.
        images: channels of the images, 1 or 3.
        resolution: image resolution, a power of two from 8 to 1024.
        size: form of the blocks.
        dsc: depthwise-separable convolution.
        dsc_sle: whether ``dsc`` applies to the excitations, which work at 4 pixels.
    """

    def __init__(
        self,
        z_dim: int,
        channels: int,
        *,
        images: int,
        resolution: int,
        size: Size,
        dsc: Dsc,
        dsc_sle: bool,
    ) -> None:
        super().__init__()
        dense, conv = (ConvFactory(each, "generator") for each in (Dsc(), dsc))
        width = widths(channels, resolution)
        first = 2 * width[SMALLEST]
        self.first = nn.Sequential(
            nn.Unflatten(1, (z_dim, 1, 1)),
            dense.transposed(
                z_dim, first, 4, resolution=SMALLEST, padding=0, bias=False, spectral_norm=True
            ),
            nn.BatchNorm2d(first),
            nn.GLU(dim=1),
        )
        self.blocks = nn.ModuleDict(
            {str(r): UpBlock(conv, width[below], width[r], r, size) for below, r in pairwise(width)}
        )
        excited = (r for r in width if FIRST_EXCITED <= r <= LAST_EXCITED)
        self.excitations = nn.ModuleDict(
            {
                str(r): Excitation(conv if dsc_sle else dense, width[r // EXCITATION], width[r])
                for r in excited
            }
        )
        self.to_image = dense(
            width[resolution], images, 3, resolution=resolution, spectral_norm=True
        )

    def forward(self, z: Tensor) -> Tensor:
        """``[N, z_dim]`` → unbounded images ``[N, C, H, W]``; latents are normalised first."""
        x = self.first(on_hypersphere(z))
        maps = {SMALLEST: x}
        for name, block in self.blocks.items():
            x = block(x)
            if name in self.excitations:
                x = self.excitations[name](maps[int(name) // EXCITATION], x)
            maps[int(name)] = x
        images: Tensor = self.to_image(x)
        return images


def on_hypersphere(z: Tensor) -> Tensor:
    """Scale latents ``[N, D]`` to length √D (Karras et al. 2018, section 4.2)."""
    return z * (z.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
