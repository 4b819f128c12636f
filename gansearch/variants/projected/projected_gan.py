"""Sauer et al. 2021, Projected GANs Converge Faster; Wang et al. 2024, Faster Projected GAN."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from gansearch.data.batch import Batch, ImageSpec
from gansearch.nn.augment import AUGMENTATIONS, Augmentations, cutout
from gansearch.nn.conv import ConvFactory
from gansearch.nn.fastgan import FastGan
from gansearch.nn.optim import OptimiserFactory, adam
from gansearch.nn.projector import Projector
from gansearch.variants.adversarial import AdversarialVariant
from gansearch.variants.projected.settings import ProjectedGanSettings

SMALLEST = 8  # nominal side of the map at which a head ends, in pixels
LARGEST = 128  # largest nominal side of the finest map at which its head starts, in pixels
LOGITS = 4  # kernel size of a head's last convolution
WIDTHS = (1, 1, 2, 4, 8)  # multiples of the channels, from 128 to 8 pixels


class Head(nn.Sequential):
    """Discriminator head on one projector map: strided convolutions, then a map of logits.

    Args:
        conv: builds the convolutions.
        widths: channels of the map and of each convolution's output; each convolution halves the
            resolution.
        side: side of the map, in pixels.
    """

    def __init__(self, conv: ConvFactory, widths: list[int], side: int) -> None:
        layers: list[nn.Module] = []
        for cin, cout in pairwise(widths):
            # No bias: the batch norm would cancel it.
            layers += [
                conv(
                    cin, cout, 4, resolution=nominal(side), stride=2, bias=False, spectral_norm=True
                ),
                nn.BatchNorm2d(cout),
                nn.LeakyReLU(0.2, inplace=True),
            ]
            side //= 2
        kernel = min(side, LOGITS)
        logits = conv(
            *(widths[-1], 1, kernel),
            resolution=nominal(side),
            padding=0,
            bias=False,
            spectral_norm=True,
        )
        super().__init__(*layers, logits, nn.Flatten())


def nominal(side: int) -> int:
    """Side of a map rounded up to a power of two; the reference treats 224 pixels as 256."""
    return 1 << (side - 1).bit_length()


class Heads(nn.Module):
    """One discriminator head for each projector map.

    The number of strided convolutions in a head is that which reduces its map for 256-pixel images
    to 8 pixels. Larger images get the same number. Small maps in the small form get fewer.

    Args:
        conv: builds the convolutions.
        channels: channels of the finest map.
        sides: sides of the maps in pixels, from the finest to the coarsest.
    """

    def __init__(self, conv: ConvFactory, channels: int, sides: list[int]) -> None:
        super().__init__()
        self.heads = nn.ModuleList()
        for scale, side in enumerate(sides):
            start = min(nominal(side), LARGEST >> scale)
            halvings = max(0, start.bit_length() - SMALLEST.bit_length())
            widths = [channels * width for width in WIDTHS[scale : scale + halvings + 1]]
            self.heads.append(Head(conv, widths, side))

    def forward(self, maps: list[Tensor]) -> Tensor:
        """The projector's maps → logits ``[N, L]`` of all positions of all maps."""
        return torch.cat([head(m) for head, m in zip(self.heads, maps, strict=True)], dim=1)


class ProjectedGan(AdversarialVariant[ProjectedGanSettings]):
    """A FastGAN generator against discriminator heads on the features of a frozen projector.

    The projector sees gray images as RGB. It belongs to no player, so no step updates it and its
    parameters do not count as trained.
    """

    augmentations: ClassVar[Augmentations] = {
        **AUGMENTATIONS,
        "cutout": (partial(cutout, ratio=0.2),),
    }
    """Augmentations with the released code's cutout of a fifth of the side instead of half."""

    def __init__(self, settings: ProjectedGanSettings, spec: ImageSpec) -> None:
        projector = Projector(
            settings.d_channels,
            settings.scales,
            settings.projector_resolution,
            settings.projector_weights,
        )
        generator = FastGan(
            settings.z_dim,
            settings.g_channels,
            images=spec.channels,
            resolution=spec.resolution,
            size=settings.g_blocks,
            dsc=settings.dsc,
            dsc_sle=settings.dsc_sle,
        )
        conv = ConvFactory(settings.dsc, "discriminator")
        heads = Heads(conv, settings.d_channels, projector.sides(spec.resolution))
        super().__init__(settings, spec, generator, heads)
        self.projector = projector

    @property
    def tags(self) -> Mapping[str, str]:
        """Origin of the projector's weights."""
        return {"projector": self.projector.source}

    def optimiser(self, lr: float) -> OptimiserFactory:
        """Adam with the settings' betas."""
        return adam(lr, self.settings.beta1, self.settings.beta2)

    def latents(
        self, count: int, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        """Gaussian latents; the generator scales them to the hypersphere."""
        return torch.randn(count, self.settings.z_dim, device=device, generator=generator)

    def discriminate(self, images: Tensor, batch: Batch) -> Tensor:  # noqa: ARG002 - unconditional
        """Logits ``[N, L]`` of real or generated images, several for each image."""
        logits: Tensor = self.discriminator(self.projector(images))
        return logits

    @torch.no_grad()
    def sample(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Sample images; latents and the noise in the blocks are a function of ``generator``.

        The last convolution is unbounded, so images are clipped to [-1, 1].
        """
        seed = int(torch.randint(2**62, (), generator=generator))
        device = batch.images.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            return super().sample(batch, generator).clamp(-1, 1)
