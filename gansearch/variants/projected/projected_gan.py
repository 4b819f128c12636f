"""Sauer et al. 2021, Projected GANs Converge Faster; with separable convolutions, Faster ones."""

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
from gansearch.variants.projected.entries import ProjectedGanSettings

SMALLEST = 8  # pixels of a map, nominally, at which a head ends
LARGEST = 128  # pixels of a map, nominally, from which a head starts at most
LOGITS = 4  # pixels, the kernel of a head's last convolution
WIDTHS = (1, 1, 2, 4, 8)  # channels from 128 to 8 pixels, as multiples


class Head(nn.Sequential):
    """A discriminator of one of the projector's maps: strided convolutions, then a map of logits.

    Args:
        conv: the factory.
        widths: channels of the map and after each convolution, each of which halves the map.
        side: of the map, in pixels.
    """

    def __init__(self, conv: ConvFactory, widths: list[int], side: int) -> None:
        layers: list[nn.Module] = []
        for cin, cout in pairwise(widths):
            # Their bias would be taken off by the batch norm.
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
    """The power of two that a side of a map stands for: the reference counts 224 pixels as 256."""
    return 1 << (side - 1).bit_length()


class Heads(nn.Module):
    """A head for each map of the projector.

    A head has as many convolutions as bring its map, at 256 pixels of image, down to 8; larger
    images get no more of them, and in the small form maps that are small already get fewer.

    Args:
        conv: the factory.
        channels: of the finest map.
        sides: of the maps in pixels, from the finest to the coarsest.
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
        """The projector's maps → logits ``[N, L]``, those of all places of all maps."""
        return torch.cat([head(m) for head, m in zip(self.heads, maps, strict=True)], dim=1)


class ProjectedGan(AdversarialVariant[ProjectedGanSettings]):
    """A FastGAN generator against heads on the features of a frozen projector.

    Gray images are shown to the projector as RGB. The projector is nobody's: no player's steps
    update it, and what it costs in parameters is not counted as trained.
    """

    augmentations: ClassVar[Augmentations] = {
        **AUGMENTATIONS,
        "cutout": (partial(cutout, ratio=0.2),),
    }
    """As released: a fifth of the side is cut out, not half."""

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
        """Whose weights the projector has."""
        return {"projector": self.projector.source}

    def optimiser(self, lr: float) -> OptimiserFactory:
        """Adam."""
        return adam(lr, self.settings.beta1, self.settings.beta2)

    def latents(
        self, count: int, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        """Gaussian; the generator brings them to the hypersphere."""
        return torch.randn(count, self.settings.z_dim, device=device, generator=generator)

    def discriminate(self, images: Tensor, batch: Batch) -> Tensor:  # noqa: ARG002 - the contract's
        """Logits ``[N, L]``, several for each image."""
        logits: Tensor = self.discriminator(self.projector(images))
        return logits

    @torch.no_grad()
    def sample(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Images from latents, and from noise in the blocks, that both follow from ``generator``.

        The last convolution has no bounds: what it puts beyond [-1, 1] is clipped.
        """
        seed = int(torch.randint(2**62, (), generator=generator))
        device = batch.images.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            return super().sample(batch, generator).clamp(-1, 1)
