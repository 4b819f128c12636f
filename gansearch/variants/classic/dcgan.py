"""Radford et al. 2015, Unsupervised Representation Learning with Deep Convolutional GANs."""

from __future__ import annotations

import torch
from torch import Tensor

from gansearch.data.batch import ImageSpec
from gansearch.nn.conv import ConvFactory
from gansearch.nn.dcgan import DcganDiscriminator, DcganGenerator
from gansearch.nn.optim import OptimiserFactory, adam
from gansearch.variants.adversarial import AdversarialVariant
from gansearch.variants.classic.settings import DcganSettings


class Dcgan(AdversarialVariant[DcganSettings]):
    """DCGAN at any power-of-two resolution from 8.

    From 32 pixels up the networks are those of the released code. At 64 pixels the channels are
    those of the paper's figure 1. Below 32 pixels the kernels are 4x4, and 3x3 at full resolution,
    as in the generator of Miyato et al. 2018, table 3, so that the smallest network still has
    convolutions.
    """

    def __init__(self, settings: DcganSettings, spec: ImageSpec) -> None:
        generator = DcganGenerator(
            ConvFactory(settings.dsc, "generator"),
            inputs=settings.z_dim,
            channels=settings.g_channels,
            images=spec.channels,
            resolution=spec.resolution,
        )
        discriminator = DcganDiscriminator(
            ConvFactory(settings.dsc, "discriminator"),
            channels=settings.d_channels,
            images=spec.channels,
            resolution=spec.resolution,
        )
        super().__init__(settings, spec, generator, discriminator)

    def optimiser(self, lr: float) -> OptimiserFactory:
        """Adam (section 4)."""
        return adam(lr, self.settings.beta1, self.settings.beta2)

    def latents(
        self, count: int, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        """Uniform latents in [-1, 1] (section 4)."""
        return 2 * torch.rand(count, self.settings.z_dim, device=device, generator=generator) - 1
