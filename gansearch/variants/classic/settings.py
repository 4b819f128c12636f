"""Settings of the first GANs; defaults are the papers'."""

from typing import Literal

from pydantic import Field

from gansearch.settings import Fixed, Live
from gansearch.variants.settings import (
    Adam,
    Adversarial,
    Convolutional,
    ConvolutionalAdversarial,
    Game,
    Perceptrons,
)

DivergenceName = Literal[
    "kl", "reverse_kl", "pearson", "squared_hellinger", "jensen_shannon", "gan"
]
"""The rows of ``losses/divergences.py``."""


class GanSettings(Adversarial, Perceptrons):
    """Goodfellow et al. 2014, section 5 and the released configuration for MNIST."""

    batch_size: Fixed[int] = Field(default=100, ge=2, le=4096)
    """Real images per step."""
    g_lr: Live[float] = Field(default=0.1, gt=0, le=1)
    """Learning rate of the generator."""
    d_lr_ratio: Live[float] = Field(default=0.5, gt=0, le=100)
    """Learning rate of the discriminator as a multiple of the generator's. The released code uses
    equal rates and half of the sum of the discriminator's two losses, which is not halved here."""
    momentum: Fixed[float] = Field(default=0.5, ge=0, lt=1)
    """SGD momentum at the start."""
    final_momentum: Fixed[float] = Field(default=0.7, ge=0, lt=1)
    """SGD momentum that the schedule rises to."""


class DcganSettings(Adversarial, Adam, Convolutional):
    """Radford et al. 2015, sections 3 and 4; without the released code's weight decay of 1e-5."""

    batch_size: Fixed[int] = Field(default=128, ge=2, le=4096)
    """Real images per step."""


class FganSettings(Game, Adam, Convolutional, Perceptrons):
    """Nowozin et al. 2016, section 4, on the networks of ``dcgan`` or ``gan``."""

    batch_size: Fixed[int] = Field(default=128, ge=2, le=4096)
    """Real images per step."""
    divergence: Fixed[DivergenceName] = "gan"
    """The f-divergence; the discriminator maximises its variational bound."""
    g_loss: Fixed[Literal["minimax", "non_saturating"]] = "non_saturating"
    """Objective of the generator: minimise that bound (``minimax``, algorithm 1), or maximise the
    discriminator outputs of its samples (``non_saturating``, equation 13)."""
    nets: Fixed[Literal["dcgan", "mlp"]] = "dcgan"
    """Networks: ``dcgan``'s with ``g_channels``, ``d_channels`` and ``dsc``, or ``gan``'s
    perceptrons with ``g_hidden``, ``d_hidden``, ``d_pieces`` and ``dropout``."""


class SganSettings(ConvolutionalAdversarial):
    """Odena 2016 and Salimans et al. 2016, section 5, on the networks of DCGAN."""

    batch_size: Fixed[int] = Field(default=100, ge=2, le=4096)
    """Real images per step, and as many labelled ones."""
    g_lr: Live[float] = Field(default=3e-4, gt=0, le=1)
    """Learning rate of the generator."""
    labelled: Fixed[int] = Field(default=100, ge=2, le=10_000_000)
    """Training images with a label, spread over the classes as evenly as possible."""
