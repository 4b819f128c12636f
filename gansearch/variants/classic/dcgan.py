"""Radford et al. 2015, Unsupervised Representation Learning with Deep Convolutional GANs."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from gansearch.data.batch import ImageSpec
from gansearch.nn.conv import ConvFactory
from gansearch.nn.init import normal_
from gansearch.nn.optim import OptimiserFactory, adam
from gansearch.variants.adversarial import AdversarialVariant
from gansearch.variants.classic.entries import DcganSettings

SMALLEST = 4  # pixels, where the generator starts and the discriminator ends
WIDEST = 16  # times the channels at full resolution: the paper's 1024 at 4 pixels
WEIGHT_STD = 0.02


def widths(channels: int, resolution: int) -> dict[int, int]:
    """Channels at each resolution, from 4 pixels to the images' own."""
    steps = (resolution // SMALLEST).bit_length()
    return {
        (r := SMALLEST * 2**step): channels * min(resolution // r, WIDEST) for step in range(steps)
    }


class Generator(nn.Sequential):
    """``[N, z_dim]`` → ``[N, C, H, W]`` in [-1, 1]: a projection, transposed convolutions, tanh."""

    def __init__(self, settings: DcganSettings, spec: ImageSpec) -> None:
        conv = ConvFactory(settings.dsc, "generator")
        channels = widths(settings.g_channels, spec.resolution)
        layers: list[nn.Module] = [
            nn.Linear(settings.z_dim, channels[SMALLEST] * SMALLEST**2, bias=False),
            nn.Unflatten(1, (channels[SMALLEST], SMALLEST, SMALLEST)),
            nn.BatchNorm2d(channels[SMALLEST]),
            nn.ReLU(inplace=True),
        ]
        for (_, cin), (resolution, cout) in pairwise(channels.items()):
            layers += [
                conv.transposed(cin, cout, 4, resolution=resolution, stride=2, bias=False),
                nn.BatchNorm2d(cout),
                nn.ReLU(inplace=True),
            ]
        layers += [conv(cout, spec.channels, 3, resolution=spec.resolution), nn.Tanh()]
        super().__init__(*layers)
        normal_(self, WEIGHT_STD)


class Discriminator(nn.Sequential):
    """``[N, C, H, W]`` → logits ``[N]``: strided convolutions, then one linear unit."""

    def __init__(self, settings: DcganSettings, spec: ImageSpec) -> None:
        conv = ConvFactory(settings.dsc, "discriminator")
        channels = widths(settings.d_channels, spec.resolution)
        layers: list[nn.Module] = [
            conv(spec.channels, channels[spec.resolution], 3, resolution=spec.resolution),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for (resolution, cin), (_, cout) in pairwise(reversed(channels.items())):
            layers += [
                conv(cin, cout, 4, resolution=resolution, stride=2, bias=False),
                nn.BatchNorm2d(cout),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        layers += [nn.Flatten(), nn.Linear(cout * SMALLEST**2, 1), nn.Flatten(0)]
        super().__init__(*layers)
        normal_(self, WEIGHT_STD)


class Dcgan(AdversarialVariant[DcganSettings]):
    """DCGAN at any power-of-two resolution from 8.

    At 64 pixels the channels are those of the paper's figure 1. Between the full resolution and the
    image stands a 3x3 convolution, as in the DCGAN of Miyato et al. 2018, table 3, so that the
    smallest form is a convolutional network too.
    """

    def __init__(self, settings: DcganSettings, spec: ImageSpec) -> None:
        super().__init__(settings, spec, Generator(settings, spec), Discriminator(settings, spec))

    def optimiser(self, lr: float) -> OptimiserFactory:
        """Adam (section 4)."""
        return adam(lr, self.settings.beta1, self.settings.beta2)

    def latents(
        self, count: int, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        """Uniform in [-1, 1] (section 4)."""
        return 2 * torch.rand(count, self.settings.z_dim, device=device, generator=generator) - 1
