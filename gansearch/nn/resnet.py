"""Residual networks for GANs: those of SNGAN, projection GAN and BigGAN.

Miyato et al. 2018, tables 4 and 5 (Spectral Normalization), and Miyato and Koyama 2018, appendix A;
Brock et al. 2019, appendix B, for attention and a condition of its own for each block.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from gansearch.nn.attention import SelfAttention
from gansearch.nn.conv import ConvFactory
from gansearch.nn.init import glorot_
from gansearch.nn.resample import Averaged, Upsampled
from gansearch.nn.spectral import spectral_norm as normalised

SMALLEST = 4  # pixels, where generators start
CIFAR = 32  # pixels up to which all widths are the same, as the papers' at 32
G_MULTIPLE, D_MULTIPLE, WIDEST = 4, 2, 16  # of the channels: up to CIFAR in G and D, and beyond


def generator_widths(channels: int, resolution: int) -> dict[int, int]:
    """Channels at each resolution from 4 pixels to the images' own.

    Up to 32 pixels they are 4 · ``channels`` everywhere; above, ``channels`` at full resolution,
    doubled at each halving up to 16-fold. With 64 these are SNGAN's, with 96 BigGAN's.
    """
    sizes = [SMALLEST << step for step in range((resolution // SMALLEST).bit_length())]
    if resolution <= CIFAR:
        return dict.fromkeys(sizes, G_MULTIPLE * channels)
    return {size: channels * min(resolution // size, WIDEST) for size in sizes}


class Stage(NamedTuple):
    """One block of a discriminator."""

    resolution: int  # of what comes in, in pixels
    channels: int  # of what goes out
    down: bool  # whether the resolution is halved


def discriminator_stages(channels: int, resolution: int) -> list[Stage]:
    """The blocks from the images' resolution down.

    Up to 32 pixels all have 2 · ``channels``, and two follow at the last size, 8 pixels from 16 on;
    above, the channels double from block to block, up to 16-fold, and one follows at 4 pixels. With
    64 at 32 pixels, and above, these are SNGAN's, with 96 BigGAN's.
    """
    small = resolution <= CIFAR
    last, following = (min(8, resolution // 2), 2) if small else (SMALLEST, 1)
    halvings = (resolution // last).bit_length() - 1
    widths = [
        channels * (D_MULTIPLE if small else min(1 << step, WIDEST))
        for step in range(halvings + following)
    ]
    return [
        Stage(max(last, resolution >> step), width, step < halvings)
        for step, width in enumerate(widths)
    ]


class UpBlock(nn.Module):
    """A generator's block: (norm, ReLU, up, 3x3), (norm, ReLU, 3x3), and a 1x1 beside them.

    Args:
        conv: builds the convolutions.
        cin: channels of what comes in.
        cout: channels of what goes out.
        resolution: of what goes out, in pixels.
        norm: from channels to a normalisation that takes a map and a condition.
        spectral_norm: whether the weights are spectrally normalised.
    """

    def __init__(
        self,
        conv: ConvFactory,
        cin: int,
        cout: int,
        *,
        resolution: int,
        norm: Callable[[int], nn.Module],
        spectral_norm: bool,
    ) -> None:
        super().__init__()

        def layer(cin: int, size: int) -> nn.Module:
            return conv(cin, cout, size, resolution=resolution, spectral_norm=spectral_norm)

        self.norm1, self.norm2 = norm(cin), norm(cout)
        self.conv1, self.conv2 = Upsampled(layer(cin, 3)), layer(cout, 3)
        self.shortcut = Upsampled(layer(cin, 1))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """``[N, cin, H, W]`` and a condition for each image → ``[N, cout, 2H, 2W]``."""
        h = self.conv1(F.relu(self.norm1(x, condition), inplace=True))
        h = self.conv2(F.relu(self.norm2(h, condition), inplace=True))
        out: Tensor = h + self.shortcut(x)
        return out


class DownBlock(nn.Module):
    """A discriminator's block: (ReLU, 3x3), (ReLU, 3x3), then a mean, and a 1x1 beside them.

    Args:
        conv: builds the convolutions.
        cin: channels of what comes in.
        cout: channels of what goes out.
        resolution: of what comes in, in pixels.
        down: whether the resolution is halved.
        first: whether images come in, which no ReLU cuts.
    """

    def __init__(
        self, conv: ConvFactory, cin: int, cout: int, *, resolution: int, down: bool, first: bool
    ) -> None:
        super().__init__()

        def layer(cin: int, size: int) -> nn.Module:
            return conv(cin, cout, size, resolution=resolution, spectral_norm=True)

        self.first = first
        self.conv1 = layer(cin, 3)
        self.conv2 = Averaged(layer(cout, 3)) if down else layer(cout, 3)
        self.shortcut: nn.Module = nn.Identity()
        if down:
            self.shortcut = Averaged(layer(cin, 1))
        elif cin != cout:
            self.shortcut = layer(cin, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, cin, H, W]`` → ``[N, cout, H, W]``, or half of that size."""
        h = self.conv1(x if self.first else F.relu(x))
        out: Tensor = self.conv2(F.relu(h, inplace=True)) + self.shortcut(x)
        return out


class ResnetGenerator(nn.Module):
    """A linear layer to 4x4 pixels, blocks up to full resolution, (norm, ReLU, 3x3, tanh).

    Args:
        conv: builds the convolutions.
        inputs: length of the vector that comes in.
        widths: channels at each resolution, as :func:`generator_widths` gives them.
        images: channels of the images.
        norm: of the blocks, from channels to what takes a map and a condition.
        spectral_norm: whether the weights are spectrally normalised.
        attention: whether there is self-attention at half of the full resolution.
    """

    def __init__(
        self,
        conv: ConvFactory,
        *,
        inputs: int,
        widths: Mapping[int, int],
        images: int,
        norm: Callable[[int], nn.Module],
        spectral_norm: bool = False,
        attention: bool = False,
    ) -> None:
        super().__init__()
        width, resolution = widths[SMALLEST], max(widths)
        stem = nn.Linear(inputs, width * SMALLEST**2)
        self.stem = nn.Sequential(
            normalised(stem) if spectral_norm else stem,
            nn.Unflatten(1, (width, SMALLEST, SMALLEST)),
        )
        self.blocks = nn.ModuleList(
            UpBlock(conv, cin, cout, resolution=size, norm=norm, spectral_norm=spectral_norm)
            for (_, cin), (size, cout) in pairwise(widths.items())
        )
        self.attention: nn.Module = nn.Identity()
        if attention:
            half = resolution // 2
            self.attention = SelfAttention(
                conv, widths[half], resolution=half, spectral_norm=spectral_norm
            )
        self.image = nn.Sequential(
            nn.BatchNorm2d(widths[resolution]),
            nn.ReLU(inplace=True),
            conv(widths[resolution], images, 3, resolution=resolution, spectral_norm=spectral_norm),
            nn.Tanh(),
        )

    def forward(self, z: Tensor, conditions: Sequence[Tensor]) -> Tensor:
        """``[N, inputs]`` and each block's conditions, ``[N, ...]``, → ``[N, C, H, W]``."""
        x = self.stem(z)
        for block, condition in zip(self.blocks, conditions, strict=True):
            x = block(self.attention(x) if block is self.blocks[-1] else x, condition)
        images: Tensor = self.image(x)
        return images


class ResnetFeatures(nn.Module):
    """A discriminator without its last layer: blocks, ReLU, the sum over all places.

    Args:
        conv: builds the convolutions.
        images: channels of the images.
        channels: as :func:`discriminator_stages` takes them.
        resolution: of the images, in pixels.
        attention: whether there is self-attention after the first block.

    Attributes:
        width: length of a feature vector.
    """

    def __init__(
        self,
        conv: ConvFactory,
        *,
        images: int,
        channels: int,
        resolution: int,
        attention: bool = False,
    ) -> None:
        super().__init__()
        stages = discriminator_stages(channels, resolution)
        self.width = stages[-1].channels
        cins = [images, *(stage.channels for stage in stages)]
        blocks: list[nn.Module] = [
            DownBlock(conv, cin, width, resolution=size, down=down, first=index == 0)
            for index, (cin, (size, width, down)) in enumerate(zip(cins, stages, strict=False))
        ]
        if attention:
            half = stages[1].resolution
            layer = SelfAttention(conv, stages[0].channels, resolution=half, spectral_norm=True)
            blocks.insert(1, layer)
        self.blocks = nn.Sequential(*blocks)

    def forward(self, images: Tensor) -> Tensor:
        """``[N, C, H, W]`` → ``[N, width]``."""
        x = self.blocks(images)
        return F.relu(x, inplace=True).sum(dim=(2, 3))


def glorot_resnet_(network: nn.Module) -> None:
    """Draw weights as SNGAN's code does: Glorot's, times √2 on the blocks' 3x3 convolutions."""
    glorot_(network)
    for block in network.modules():
        if isinstance(block, UpBlock | DownBlock):
            glorot_(block.conv1, math.sqrt(2))
            glorot_(block.conv2, math.sqrt(2))
