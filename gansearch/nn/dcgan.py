"""DCGAN's networks (Radford et al. 2015, section 3 and released code), shared by variants."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from torch import nn

from gansearch.nn.conv import ConvFactory
from gansearch.nn.init import normal_

SMALLEST = 4  # resolution at which the generator starts and the discriminator ends, in pixels
WIDEST = 8  # largest multiple of the outermost layer's channels: the released 1024 at 4 pixels
WEIGHT_STD = 0.02


class Form(NamedTuple):
    """Kernels and strides of the networks."""

    kernel: int  # of the convolutions between resolutions
    last_kernel: int  # of the convolution to or from the image
    last_stride: int  # of the convolution to or from the image


RELEASED = Form(kernel=5, last_kernel=5, last_stride=2)
"""Form of the released code. At 64 pixels, with 128 channels at 32, the generator has 18.9 million
parameters and the discriminator 17.2 million. Many ports have 4x4 kernels and half of the channels:
3.6 and 2.8 million."""
SMALL = Form(kernel=4, last_kernel=3, last_stride=1)
"""Form for small images, with a layer at full resolution; the released form has too few layers."""
LEAST_RELEASED = 32  # smallest image resolution with the released form, in pixels


def form_of(resolution: int) -> Form:
    """The form for images of ``resolution``, in pixels."""
    return RELEASED if resolution >= LEAST_RELEASED else SMALL


def widths(channels: int, outermost: int) -> dict[int, int]:
    """Channels by resolution, from 4 pixels up.

    Args:
        channels: channels at the highest resolution; doubled at each halving, up to 8-fold.
        outermost: highest resolution, in pixels.
    """
    steps = (outermost // SMALLEST).bit_length()
    return {
        (r := SMALLEST << step): channels * min(outermost // r, WIDEST) for step in range(steps)
    }


class DcganGenerator(nn.Sequential):
    """``[N, inputs]`` → ``[N, C, H, W]`` in [-1, 1]: a projection, transposed convolutions, tanh.

    It differs from the released code in two points: the batch norm after the projection has one
    scale and shift per channel instead of per unit, and the convolution to the image has a bias.

    Args:
        conv: builds the convolutions.
        inputs: length of the input vector.
        channels: channels of the outermost layer, at half resolution, or at full resolution in the
            small form.
        images: channels of the images.
        resolution: image resolution, in pixels.
        output: output activation, by default tanh.
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

    Layers without batch norm have a bias, unlike in the released code.

    Args:
        conv: builds the convolutions.
        channels: channels of the outermost layer, at half resolution, or at full resolution in the
            small form.
        images: input channels.
        resolution: image resolution, in pixels.
        outputs: number of linear units; several give ``[N, outputs]``.
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
