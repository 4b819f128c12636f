"""StyleGAN2's discriminator (Karras et al. 2020, Analyzing and Improving ..., section 4)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from gansearch.nn.alias_free import filter2d
from gansearch.nn.conv import ConvFactory
from gansearch.nn.equalised import ScaledLeakyReLU, equalise

SMALLEST = 4  # resolution of the last layers, in pixels
GROUP = 4  # images in a group of the minibatch standard deviation
BLUR = (1 / 8, 3 / 8, 3 / 8, 1 / 8)  # filter taps


class MinibatchStddev(nn.Module):
    """Adds a channel with the standard deviation in a group of images (Karras et al. 2018, sec. 3).

    A group has the largest number of images that divides the batch, up to four.
    """

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` → ``[N, C + 1, H, W]``."""
        count = len(x)
        group = next(size for size in range(min(GROUP, count), 0, -1) if count % size == 0)
        groups = x.reshape(group, count // group, *x.shape[1:])
        deviation = (groups.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
        channel = deviation.repeat(group).view(count, 1, 1, 1).expand(-1, 1, *x.shape[2:])
        return torch.cat([x, channel], 1)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, the second with stride 2, and a 1x1 shortcut; a blur precedes strides.

    Args:
        conv: builds the convolutions.
        cin: input channels.
        cout: output channels.
        resolution: input resolution, in pixels.
    """

    blur: Tensor

    def __init__(self, conv: ConvFactory, cin: int, cout: int, resolution: int) -> None:
        super().__init__()
        self.conv = conv(cin, cin, 3, resolution=resolution)
        self.down = conv(cin, cout, 3, resolution=resolution, stride=2, padding=0)
        self.skip = conv(cin, cout, 1, resolution=resolution, bias=False)
        self.act = ScaledLeakyReLU()
        line = torch.tensor(BLUR)
        self.register_buffer("blur", torch.outer(line, line), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, cin, H, W]`` → ``[N, cout, H / 2, W / 2]``."""
        skipped: Tensor = self.skip(filter2d(x, self.blur, stride=2, padding=1))
        x = self.act(self.conv(x))
        x = self.act(self.down(filter2d(x, self.blur, padding=2)))
        return (x + skipped) * math.sqrt(0.5)


class Discriminator(nn.Sequential):
    """``[N, image_channels, H, W]`` → logits ``[N]``: residual blocks down to 4 pixels.

    Args:
        conv: builds the convolutions; all layers have equalised learning rates.
        image_channels: channels of the images.
        channels: channels by resolution, for powers of two from 4 pixels to the image resolution.
    """

    def __init__(self, conv: ConvFactory, image_channels: int, channels: dict[int, int]) -> None:
        first, last = max(channels), channels[SMALLEST]
        layers: list[nn.Module] = [
            conv(image_channels, channels[first], 1, resolution=first),
            ScaledLeakyReLU(),
        ]
        for (resolution, cin), (_, cout) in pairwise(sorted(channels.items(), reverse=True)):
            layers.append(ResidualBlock(conv, cin, cout, resolution))
        layers += [
            MinibatchStddev(),
            conv(last + 1, last, 3, resolution=SMALLEST),
            ScaledLeakyReLU(),
            nn.Flatten(),
            nn.Linear(last * SMALLEST**2, last),
            ScaledLeakyReLU(),
            nn.Linear(last, 1),
            nn.Flatten(0),
        ]
        super().__init__(*layers)
        equalise(self)
