"""DCGAN's networks (Radford et al. 2015, section 3 and released code); others build on them."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from torch import nn

from gansearch.nn.conv import ConvFactory
from gansearch.nn.init import normal_

SMALLEST = 4  # pixels, where the generator starts and the discriminator ends
WIDEST = 8  # times the channels of the outermost layer: the released 1024 at 4 pixels
WEIGHT_STD = 0.02


class Form(NamedTuple):
    """The kernels of the networks, and the resolution of their outermost layer."""

    kernel: int  # of the steps from one resolution to the next
    last_kernel: int  # of the convolution to, or from, the image
    last_stride: int  # of the same


RELEASED = Form(kernel=5, last_kernel=5, last_stride=2)
"""At 64 pixels, with 128 channels at 32, 18.9 million parameters in the generator and 17.2 in the
discriminator. Many ports have 4x4 kernels and half of the channels: 3.6 and 2.8 million."""
SMALL = Form(kernel=4, last_kernel=3, last_stride=1)
"""With a layer at full resolution, for images so small that the released form has next to none."""
LEAST_RELEASED = 32  # pixels from which images have the released form


def form_of(resolution: int) -> Form:
    """The form for images of ``resolution``, in pixels."""
    return RELEASED if resolution >= LEAST_RELEASED else SMALL


def widths(channels: int, outermost: int) -> dict[int, int]:
    """Channels at each resolution from 4 pixels up.

    Args:
        channels: at the highest resolution; doubled at each halving, up to 8-fold.
        outermost: the highest resolution, in pixels.
    """
    steps = (outermost // SMALLEST).bit_length()
    return {
        (r := SMALLEST << step): channels * min(outermost // r, WIDEST) for step in range(steps)
    }


class DcganGenerator(nn.Sequential):
    """``[N, inputs]`` → ``[N, C, H, W]`` in [-1, 1]: a projection, transposed convolutions, tanh.

    The batch norm after the projection has a scale and a shift for each channel, where the released
    one has them for each unit, and the convolution to the image has a bias.

    Args:
        conv: builds the convolutions.
        inputs: length of the vector that comes in.
        channels: of the outermost layer: at half resolution, or at full in the small form.
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
        form = form_of(resolution)
        width = widths(channels, resolution // form.last_stride)
        layers: list[nn.Module] = [
            nn.Linear(inputs, width[SMALLEST] * SMALLEST**2, bias=False),
            nn.Unflatten(1, (width[SMALLEST], SMALLEST, SMALLEST)),
            nn.BatchNorm2d(width[SMALLEST]),
            nn.ReLU(inplace=True),
        ]
        for (_, cin), (size, cout) in pairwise(width.items()):
            layers += [
                conv.transposed(cin, cout, form.kernel, resolution=size, stride=2, bias=False),
                nn.BatchNorm2d(cout),
                nn.ReLU(inplace=True),
            ]
        to_image = conv.transposed if form.last_stride > 1 else conv
        layers += [
            to_image(
                channels, images, form.last_kernel, resolution=resolution, stride=form.last_stride
            ),
            output or nn.Tanh(),
        ]
        super().__init__(*layers)
        normal_(self, WEIGHT_STD)


class DcganDiscriminator(nn.Sequential):
    """``[N, C, H, W]`` → logits ``[N]``: strided convolutions, then one linear unit.

    Those without a batch norm have a bias, where the released code has none.

    Args:
        conv: builds the convolutions.
        channels: of the outermost layer: at half resolution, or at full in the small form.
        images: channels of what comes in.
        resolution: of the images, in pixels.
        outputs: linear units; what several put out is ``[N, outputs]``.
    """

    def __init__(
        self, conv: ConvFactory, *, channels: int, images: int, resolution: int, outputs: int = 1
    ) -> None:
        form = form_of(resolution)
        width = widths(channels, resolution // form.last_stride)
        layers: list[nn.Module] = [
            conv(
                images, channels, form.last_kernel, resolution=resolution, stride=form.last_stride
            ),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for (size, cin), (_, cout) in pairwise(reversed(width.items())):
            layers += [
                conv(cin, cout, form.kernel, resolution=size, stride=2, bias=False),
                nn.BatchNorm2d(cout),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        layers += [nn.Flatten(), nn.Linear(width[SMALLEST] * SMALLEST**2, outputs)]
        if outputs == 1:
            layers.append(nn.Flatten(0))
        super().__init__(*layers)
        normal_(self, WEIGHT_STD)
