"""Nowozin et al. 2016, f-GAN: Training Generative Neural Samplers."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from gansearch.data.batch import ImageSpec
from gansearch.losses.adversarial import AdversarialLoss
from gansearch.losses.divergences import DIVERGENCES, Divergence
from gansearch.nn.conv import ConvFactory
from gansearch.nn.dcgan import DcganDiscriminator, DcganGenerator
from gansearch.nn.mlp import MaxoutDiscriminator, MlpGenerator
from gansearch.nn.optim import OptimiserFactory, adam
from gansearch.variants.adversarial import GameVariant
from gansearch.variants.classic.settings import FganSettings


class Fgan(GameVariant[FganSettings]):
    """D maximises a variational bound of an f-divergence, and G minimises it.

    The paper's variational function is T = g_f(v), with v the discriminator's output.
    """

    def __init__(self, settings: FganSettings, spec: ImageSpec) -> None:
        generator, discriminator = NETS[settings.nets](settings, spec)
        super().__init__(settings, spec, generator, discriminator)

    @property
    def adversarial(self) -> AdversarialLoss:
        """The variational bound for D and G's loss (section 3.2)."""
        divergence = DIVERGENCES[self.settings.divergence]
        return AdversarialLoss(
            divergence.name,
            divergence.source,
            d=partial(_raise_bound, divergence),
            g=partial(G_LOSSES[self.settings.g_loss], divergence),
        )

    def optimiser(self, lr: float) -> OptimiserFactory:
        """Adam (section 4)."""
        return adam(lr, self.settings.beta1, self.settings.beta2)

    def latents(
        self, count: int, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        """Uniform in [-1, 1] (section 4)."""
        return 2 * torch.rand(count, self.settings.z_dim, device=device, generator=generator) - 1


def _raise_bound(divergence: Divergence, real: Tensor, fake: Tensor) -> Tensor:
    return -divergence.bound(real, fake)


def _lower_bound(divergence: Divergence, fake: Tensor) -> Tensor:
    return -divergence.conjugate_of_activation(fake).mean()


def _raise_outputs(divergence: Divergence, fake: Tensor) -> Tensor:
    return -divergence.activation(fake).mean()


G_LOSSES = {"minimax": _lower_bound, "non_saturating": _raise_outputs}
"""Generator losses by name, from D's outputs on generated images (algorithm 1, equation 13)."""


def _dcgan(settings: FganSettings, spec: ImageSpec) -> tuple[nn.Module, nn.Module]:
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
    return generator, discriminator


def _mlp(settings: FganSettings, spec: ImageSpec) -> tuple[nn.Module, nn.Module]:
    shape = (spec.channels, spec.resolution, spec.resolution)
    generator = MlpGenerator(shape, inputs=settings.z_dim, hidden=settings.g_hidden)
    discriminator = MaxoutDiscriminator(
        shape,
        hidden=settings.d_hidden,
        pieces=settings.d_pieces,
        dropout=settings.dropout,
    )
    return generator, discriminator


NETS = {"dcgan": _dcgan, "mlp": _mlp}
"""Makes generator and discriminator, by the setting ``nets``."""
