"""Residual networks of SNGAN, projection GAN and BigGAN.

Sources: Miyato et al. 2018, Spectral Normalization, tables 4 and 5; Miyato and Koyama 2018,
appendix A; Brock et al. 2019, appendix B, for attention and per-block conditions.
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

SMALLEST = 4
"""Resolution at which generators start, in pixels."""
CIFAR = 32
"""Resolution in pixels up to which all blocks are equally wide, as in the CIFAR networks."""
G_MULTIPLE, D_MULTIPLE = 4, 2
"""Width of G's and D's blocks up to :data:`CIFAR`, in multiples of ``channels``."""
WIDEST = 16
"""Largest width above :data:`CIFAR`, in multiples of ``channels``."""


def generator_widths(channels: int, resolution: int) -> dict[int, int]:
    """Channels by resolution, from 4 pixels to the image resolution.

    Images up to 32 pixels have 4 · ``channels`` everywhere. Larger ones have ``channels`` at full
    resolution, doubled at each halving up to 16-fold. 64 gives SNGAN's widths, 96 BigGAN's.
    """
    sizes = [SMALLEST << step for step in range((resolution // SMALLEST).bit_length())]
    if resolution <= CIFAR:
        return dict.fromkeys(sizes, G_MULTIPLE * channels)
    return {size: channels * min(resolution // size, WIDEST) for size in sizes}


class Stage(NamedTuple):
    """Form of one discriminator block."""

    resolution: int  # input resolution in pixels
    channels: int  # output channels
    down: bool  # whether the resolution is halved


def discriminator_stages(channels: int, resolution: int) -> list[Stage]:
    """The discriminator's blocks, from the image resolution down.

    For images up to 32 pixels all blocks have 2 · ``channels``, and two blocks follow at the last
    size (8 pixels for images of 16 or more). For larger images the channels double from block to
    block up to 16-fold, and one block follows at 4 pixels. 64 gives SNGAN's blocks, 96 BigGAN's.
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
    """Generator block: (norm, ReLU, up, 3x3), (norm, ReLU, 3x3), with a 1x1 shortcut.

    Args:
        conv: builds the convolutions.
        cin: input channels.
        cout: output channels.
        resolution: output resolution, in pixels.
        norm: makes a conditional normalisation of a number of channels.
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
    """Discriminator block: (ReLU, 3x3), (ReLU, 3x3), average pooling, with a 1x1 shortcut.

    Args:
        conv: builds the convolutions.
        cin: input channels.
        cout: output channels.
        resolution: input resolution, in pixels.
        down: whether the resolution is halved.
        first: whether the input is an image, which must not pass a ReLU.
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
    """A linear layer to 4x4 pixels, upsampling blocks, then (norm, ReLU, 3x3, tanh).

    Args:
        conv: builds the convolutions.
        inputs: length of the input vector.
        widths: channels by resolution, from :func:`generator_widths`.
        images: channels of the images.
        norm: makes the blocks' conditional normalisation of a number of channels.
        spectral_norm: whether the weights are spectrally normalised.
        attention: whether to apply self-attention at half of the full resolution.
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
        """``[N, inputs]`` and one condition ``[N, ...]`` per block → ``[N, C, H, W]``."""
        x = self.stem(z)
        for block, condition in zip(self.blocks, conditions, strict=True):
            x = block(self.attention(x) if block is self.blocks[-1] else x, condition)
        images: Tensor = self.image(x)
        return images


class ResnetFeatures(nn.Module):
    """A discriminator without its last layer: blocks, ReLU, sum pooling.

    Args:
        conv: builds the convolutions.
        images: channels of the images.
        channels: base width, as for :func:`discriminator_stages`.
        resolution: image resolution, in pixels.
        attention: whether to apply self-attention after the first block.

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
    """Draw Glorot weights with gain √2 on the blocks' 3x3 convolutions, as SNGAN's code does."""
    glorot_(network)
    for block in network.modules():
        if isinstance(block, UpBlock | DownBlock):
            glorot_(block.conv1, math.sqrt(2))
            glorot_(block.conv2, math.sqrt(2))
