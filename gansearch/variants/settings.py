"""Settings shared by several variants, which each family's entries extend."""

from typing import Annotated, Literal

from pydantic import Field

from gansearch.settings import Dsc, Fixed, Live, Settings

AdversarialName = Literal[
    "minimax",
    "non_saturating",
    "least_squares",
    "hinge",
    "wasserstein",
    "relativistic",
    "relativistic_average",
]
"""The rows of ``losses/adversarial.py``."""

AugmentName = Literal[
    "none",
    "color",
    "translation",
    "cutout",
    "color_translation",
    "color_cutout",
    "translation_cutout",
    "color_translation_cutout",
    "blit",
    "blit_color",
    "blit_color_cutout",
]
"""Policies over the augmentations of ``nn/augment.py``."""

EMA_SHARE = 10 / 32
"""Default half-life of the generator's moving average, in kimg per image of a batch, from
StyleGAN2's code and its successors."""


class Game(Settings):
    """Settings of any generator trained against a discriminator."""

    d_steps: Live[Annotated[int, Field(ge=1, le=20)] | Literal["adaptive"]] = 1
    """Discriminator updates in one round: k of Goodfellow 2014, Algorithm 1; ``adaptive`` controls
    it by the discriminator's accuracy."""
    d_target: Fixed[float] = Field(default=0.75, gt=0.5, lt=1)
    """Target of ``d_steps: adaptive``: the share of pairs of a real and a fake image in which the
    real one has the larger discriminator output; 0.5 is a random guess."""
    g_steps: Live[int] = Field(default=1, ge=1, le=20)
    """Generator updates in one round."""
    g_lr: Live[float] = Field(default=2e-4, gt=0, le=1)
    """Learning rate of the generator."""
    d_lr_ratio: Live[float] = Field(default=1.0, gt=0, le=100)
    """Learning rate of the discriminator as a multiple of the generator's."""
    z_dim: Fixed[int] = Field(default=100, ge=1, le=1024)
    """Length of the latent vector."""
    gp_lambda: Live[float] = Field(default=0.0, ge=0, le=1000)
    """Weight of WGAN-GP's gradient penalty; 0 disables it. With it or R1, the discriminator has
    layer norms in place of batch norms."""
    r1_gamma: Live[float] = Field(default=0.0, ge=0, le=1000)
    """Weight of R1, the squared gradient of the discriminator at real images; 0 disables it."""
    r1_interval: Fixed[int] = Field(default=1, ge=1, le=64)
    """Discriminator updates per computation of R1."""
    clip: Live[float] = Field(default=0.0, ge=0, le=10)
    """Bound of the discriminator's weights, which are clipped after each update; 0 disables
    clipping."""
    augment: Fixed[AugmentName] = "none"
    """DiffAugment's augmentation of the discriminator's input, for every image or with an adaptive
    probability; ``blit`` is ADA's flips, quarter turns and translations."""
    ada_target: Fixed[float] = Field(default=0.0, ge=0, lt=1)
    """Target of ADA: mean sign of the logits of real images at which the augmentation probability
    stays constant; 0 augments every image. The paper's value is 0.6."""
    ada_kimg: Fixed[float] = Field(default=500.0, gt=0)
    """Real images, in thousands, over which the augmentation probability can rise from 0 to 1."""


class Adversarial(Game):
    """Settings of a generator and a discriminator with a pair of adversarial losses."""

    loss: Fixed[AdversarialName] = "non_saturating"
    """The pair of adversarial losses."""


class Adam(Settings):
    """Adam's moments, the same for every player."""

    beta1: Live[float] = Field(default=0.5, ge=0, lt=1)
    """Decay of Adam's first moment."""
    beta2: Live[float] = Field(default=0.999, ge=0, lt=1)
    """Decay of Adam's second moment."""


class Perceptrons(Settings):
    """Settings of networks without convolutions."""

    g_hidden: Fixed[int] = Field(default=1200, ge=8, le=4096)
    """Units of each of the generator's two hidden layers."""
    d_hidden: Fixed[int] = Field(default=240, ge=8, le=4096)
    """Maxout units of each of the discriminator's two hidden layers."""
    d_pieces: Fixed[int] = Field(default=5, ge=1, le=16)
    """Linear pieces of a maxout unit."""
    dropout: Fixed[float] = Field(default=0.5, ge=0, lt=1)
    """Share of the discriminator's hidden units dropped; the input's share is 0.2 as released."""


class Convolutional(Settings):
    """Settings of convolutional networks, dense or depthwise-separable."""

    g_channels: Fixed[int] = Field(default=128, ge=4, le=512)
    """Channels of the generator at half of the images' resolution, or at their own below 32 pixels;
    doubled at each halving, up to 8-fold."""
    d_channels: Fixed[int] = Field(default=128, ge=4, le=512)
    """Channels of the discriminator at that resolution; doubled in the same way."""
    dsc: Fixed[Dsc] = Dsc.model_construct()
    """Depthwise-separable convolution."""


class ConvolutionalAdversarial(Adversarial, Adam, Convolutional):
    """Settings of convolutional adversarial networks trained with Adam."""
