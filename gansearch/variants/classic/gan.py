"""Goodfellow et al. 2014, Generative Adversarial Nets: the MLPs of section 5, released code."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import torch
from torch import Tensor
from torch.optim import Optimizer

from gansearch.data.batch import ImageSpec
from gansearch.nn.mlp import MaxoutDiscriminator, MlpGenerator
from gansearch.nn.optim import OptimiserFactory, sgd
from gansearch.variants.adversarial import AdversarialVariant
from gansearch.variants.base import Player
from gansearch.variants.classic.settings import GanSettings

# Released configuration.
LR_DECAY = 1.000004
"""Divisor of the learning rate at each update."""
MIN_LR = 1e-6
"""Lower limit of the learning rate."""
EPOCH_KIMG = 50.0
"""Kimg of an epoch: MNIST's training images without the validation images."""
MOMENTUM_EPOCHS = (1.0, 250.0)
"""Epochs between which the momentum rises linearly."""


class Gan(AdversarialVariant[GanSettings]):
    """The first GAN.

    The released generator's output bias is initialised from the data's marginals. Here it starts at
    0, because a variant is built before it sees data.
    """

    def __init__(self, settings: GanSettings, spec: ImageSpec) -> None:
        shape = (spec.channels, spec.resolution, spec.resolution)
        generator = MlpGenerator(shape, inputs=settings.z_dim, hidden=settings.g_hidden)
        discriminator = MaxoutDiscriminator(
            shape,
            hidden=settings.d_hidden,
            pieces=settings.d_pieces,
            dropout=settings.dropout,
        )
        super().__init__(settings, spec, generator, discriminator)

    def optimiser(self, lr: float) -> OptimiserFactory:
        """SGD with the schedule's initial momentum."""
        return sgd(lr, self.settings.momentum)

    @property
    def players(self) -> dict[str, Player]:
        """Both players, with the released schedule."""
        return {
            name: replace(player, schedule=self.schedule)
            for name, player in super().players.items()
        }

    def schedule(self, optimiser: Optimizer, kimg: float) -> None:
        """Decay the learning rate and raise the momentum as in the released code."""
        updates = 1000 * kimg / self.settings.batch_size
        start, end = MOMENTUM_EPOCHS
        risen = min(max((kimg / EPOCH_KIMG - start) / (end - start), 0.0), 1.0)
        momentum = self.settings.momentum
        for group in optimiser.param_groups:
            lr = group.setdefault("initial_lr", group["lr"])
            group["lr"] = max(lr * LR_DECAY**-updates, MIN_LR)
            group["momentum"] = momentum + risen * (self.settings.final_momentum - momentum)

    def latents(
        self, count: int, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        """Uniform latents with variance 1, as in the released code."""
        uniform = torch.rand(count, self.settings.z_dim, device=device, generator=generator)
        return (2 * uniform - 1) * sqrt(3)
