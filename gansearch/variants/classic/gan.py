"""Goodfellow et al. 2014, Generative Adversarial Nets: the MLPs of section 5 as released."""

from __future__ import annotations

from dataclasses import replace
from math import prod, sqrt

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gansearch.data.batch import ImageSpec
from gansearch.nn.blocks import Maxout
from gansearch.nn.optim import OptimiserFactory, sgd
from gansearch.variants.adversarial import AdversarialVariant
from gansearch.variants.base import Player
from gansearch.variants.classic.entries import GanSettings

# Of the released configuration.
G_RANGE = 0.05  # the generator's weights are uniform in ± this
D_RANGE = 0.005
INPUT_DROPOUT = 0.2
LR_DECAY = 1.000004  # the learning rate is divided by this at each update ...
MIN_LR = 1e-6  # ... and does not fall below this
EPOCH_KIMG = 50.0  # MNIST's images without those for validation
MOMENTUM_EPOCHS = (1.0, 250.0)  # over which the momentum rises


class Generator(nn.Module):
    """Two layers of ReLU and one of sigmoid."""

    def __init__(self, settings: GanSettings, shape: tuple[int, int, int]) -> None:
        super().__init__()
        hidden = settings.g_hidden
        self.layers = nn.Sequential(
            nn.Linear(settings.z_dim, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, prod(shape)),
            nn.Sigmoid(),
            nn.Unflatten(1, shape),
        )
        _uniform_(self, G_RANGE)

    def forward(self, z: Tensor) -> Tensor:
        """``[N, z_dim]`` → ``[N, C, H, W]`` in [-1, 1]."""
        pixels: Tensor = self.layers(z)  # the paper's, in [0, 1]
        return 2 * pixels - 1


class Discriminator(nn.Module):
    """Two layers of maxout with dropout before each, and a logit."""

    def __init__(self, settings: GanSettings, shape: tuple[int, int, int]) -> None:
        super().__init__()
        hidden, pieces = settings.d_hidden, settings.d_pieces
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(INPUT_DROPOUT),
            Maxout(prod(shape), hidden, pieces),
            nn.Dropout(settings.dropout),
            Maxout(hidden, hidden, pieces),
            nn.Dropout(settings.dropout),
            nn.Linear(hidden, 1),
            nn.Flatten(0),
        )
        _uniform_(self, D_RANGE)

    def forward(self, images: Tensor) -> Tensor:
        """``[N, C, H, W]`` in [-1, 1] → logits ``[N]``."""
        # In the paper's [0, 1] a dropped pixel is a black one.
        logits: Tensor = self.layers((images + 1) / 2)
        return logits


def _uniform_(network: nn.Module, bound: float) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.zeros_(layer.bias)


class Gan(AdversarialVariant[GanSettings]):
    """The first GAN.

    The released generator starts from an output bias fitted to the data's marginals; here it starts
    from 0, since a variant is built before it sees data.
    """

    def __init__(self, settings: GanSettings, spec: ImageSpec) -> None:
        shape = (spec.channels, spec.resolution, spec.resolution)
        super().__init__(settings, spec, Generator(settings, shape), Discriminator(settings, shape))

    def optimiser(self, lr: float) -> OptimiserFactory:
        """Gradient descent at the momentum that the schedule starts from."""
        return sgd(lr, self.settings.momentum)

    @property
    def players(self) -> dict[str, Player]:
        """Both sides, under the released schedule."""
        return {
            name: replace(player, schedule=self.schedule)
            for name, player in super().players.items()
        }

    def schedule(self, optimiser: Optimizer, kimg: float) -> None:
        """Let the learning rate decay and the momentum rise, as released."""
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
        """Uniform with variance 1, as the released code's uniform noise is."""
        uniform = torch.rand(count, self.settings.z_dim, device=device, generator=generator)
        return (2 * uniform - 1) * sqrt(3)
