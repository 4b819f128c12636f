"""The first GANs: their settings, with the papers' defaults, and their entries."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gansearch.variants.entry import DataKind, Entry
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

    batch_size: int = Field(default=100, ge=2, le=4096)
    """Real images per step."""
    g_lr: float = Field(default=0.1, gt=0, le=1)
    """Learning rate of the generator."""
    d_lr_ratio: float = Field(default=0.5, gt=0, le=100)
    """Learning rate of the discriminator as a multiple of the generator's. The released code uses
    equal rates and half of the sum of the discriminator's two losses, which is not halved here."""
    momentum: float = Field(default=0.5, ge=0, lt=1)
    """SGD momentum at the start."""
    final_momentum: float = Field(default=0.7, ge=0, lt=1)
    """SGD momentum that the schedule rises to."""


class DcganSettings(Adversarial, Adam, Convolutional):
    """Radford et al. 2015, sections 3 and 4; without the released code's weight decay of 1e-5."""

    batch_size: int = Field(default=128, ge=2, le=4096)
    """Real images per step."""


class FganSettings(Game, Adam, Convolutional, Perceptrons):
    """Nowozin et al. 2016, section 4, on the networks of ``dcgan`` or ``gan``."""

    batch_size: int = Field(default=128, ge=2, le=4096)
    """Real images per step."""
    divergence: DivergenceName = "gan"
    """The f-divergence; the discriminator maximises its variational bound."""
    g_loss: Literal["minimax", "non_saturating"] = "non_saturating"
    """Objective of the generator: minimise that bound (``minimax``, algorithm 1), or maximise the
    discriminator outputs of its samples (``non_saturating``, equation 13)."""
    nets: Literal["dcgan", "mlp"] = "dcgan"
    """Networks: ``dcgan``'s with ``g_channels``, ``d_channels`` and ``dsc``, or ``gan``'s
    perceptrons with ``g_hidden``, ``d_hidden``, ``d_pieces`` and ``dropout``."""


class SganSettings(ConvolutionalAdversarial):
    """Odena 2016 and Salimans et al. 2016, section 5, on the networks of DCGAN."""

    batch_size: int = Field(default=100, ge=2, le=4096)
    """Real images per step, and as many labelled ones."""
    g_lr: float = Field(default=3e-4, gt=0, le=1)
    """Learning rate of the generator."""
    labelled: int = Field(default=100, ge=2, le=10_000_000)
    """Training images with a label, spread over the classes as evenly as possible."""


ENTRIES = (
    Entry(
        name="gan",
        summary="MLP generator against a maxout discriminator with dropout",
        source="Goodfellow et al. 2014, Generative Adversarial Nets",
        family="classic",
        data=DataKind.NOISE,
        settings=GanSettings,
        home="classic.gan:Gan",
        small={"batch_size": 8, "z_dim": 8, "g_hidden": 16, "d_hidden": 16},
    ),
    Entry(
        name="dcgan",
        summary="transposed-convolution generator against a strided-convolution discriminator",
        source="Radford et al. 2015, Unsupervised Representation Learning with DCGANs",
        family="classic",
        data=DataKind.NOISE,
        settings=DcganSettings,
        home="classic.dcgan:Dcgan",
        small={"batch_size": 8, "z_dim": 8, "g_channels": 8, "d_channels": 8},
    ),
    Entry(
        name="fgan",
        summary="any f-divergence by its variational bound, on the networks of gan or dcgan",
        source="Nowozin et al. 2016, f-GAN: Training Generative Neural Samplers",
        family="classic",
        data=DataKind.NOISE,
        settings=FganSettings,
        home="classic.fgan:Fgan",
        small={"batch_size": 8, "z_dim": 8, "g_channels": 8, "d_channels": 8},
    ),
    Entry(
        name="sgan",
        summary="semi-supervised: the discriminator classifies, taught by few labels",
        source="Odena 2016; Salimans et al. 2016, Improved Techniques for Training GANs",
        family="classic",
        data=DataKind.LABEL,
        settings=SganSettings,
        home="classic.sgan:Sgan",
        small={"batch_size": 8, "z_dim": 8, "g_channels": 8, "d_channels": 8, "labelled": 30},
        metrics=("accuracy",),
    ),
)
