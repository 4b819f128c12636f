"""DCGAN's networks (Radford et al. 2015, section 3 and figure 1), which others build on too."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from gansearch.nn.conv import ConvFactory
from gansearch.nn.init import normal_

SMALLEST = 4  # pixels, where the generator starts and the discriminator ends
WIDEST = 16  # times the channels at full resolution: the paper's 1024 at 4 pixels
WEIGHT_STD = 0.02


def widths(channels: int, resolution: int) -> dict[int, int]:
    """Channels at each resolution, from 4 pixels to the images' own."""
    steps = (resolution // SMALLEST).bit_length()
    return {
        (r := SMALLEST * 2**step): channels * min(resolution // r, WIDEST) for step in range(steps)
    }


class DcganGenerator(nn.Sequential):
    """``[N, inputs]`` → ``[N, C, H, W]`` in [-1, 1]: a projection, transposed convolutions, tanh.

    Args:
        conv: builds the convolutions.
        inputs: length of the vector that comes in.
        channels: at full resolution.
        images: channels of the images.
        resolution: of the images, in pixels.
        output: instead of tanh.
    """

    def __init__(
        self,
        conv: ConvFactory,
        *,
        inputs: int,
        channels: int,
        images: int,
        resolution: int,
        output: nn.Module | None = None,
    ) -> None:
        width = widths(channels, resolution)
        layers: list[nn.Module] = [
            nn.Linear(inputs, width[SMALLEST] * SMALLEST**2, bias=False),
            nn.Unflatten(1, (width[SMALLEST], SMALLEST, SMALLEST)),
            nn.BatchNorm2d(width[SMALLEST]),
            nn.ReLU(inplace=True),
        ]
        for (_, cin), (size, cout) in pairwise(width.items()):
            layers += [
                conv.transposed(cin, cout, 4, resolution=size, stride=2, bias=False),
                nn.BatchNorm2d(cout),
                nn.ReLU(inplace=True),
            ]
        layers += [conv(width[resolution], images, 3, resolution=resolution), output or nn.Tanh()]
        super().__init__(*layers)
        normal_(self, WEIGHT_STD)


class DcganDiscriminator(nn.Sequential):
    """``[N, C, H, W]`` → logits ``[N]``: strided convolutions, then one linear unit.

    Args:
        conv: builds the convolutions.
        channels: at full resolution.
        images: channels of what comes in.
        resolution: of the images, in pixels.
        outputs: linear units; what several put out is ``[N, outputs]``.
    """

    def __init__(
        self, conv: ConvFactory, *, channels: int, images: int, resolution: int, outputs: int = 1
    ) -> None:
        width = widths(channels, resolution)
        layers: list[nn.Module] = [
            conv(images, width[resolution], 3, resolution=resolution),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for (size, cin), (_, cout) in pairwise(reversed(width.items())):
            layers += [
                conv(cin, cout, 4, resolution=size, stride=2, bias=False),
                nn.BatchNorm2d(cout),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        layers += [nn.Flatten(), nn.Linear(width[SMALLEST] * SMALLEST**2, outputs)]
        if outputs == 1:
            layers.append(nn.Flatten(0))
        super().__init__(*layers)
        normal_(self, WEIGHT_STD)
