"""Settings that several variants share; each variant's own extend them in its family's entries."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gansearch.settings import Dsc, Scalar, Settings

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


LIVE = frozenset(
    {
        "g_lr",
        "d_lr_ratio",
        "beta1",
        "beta2",
        "d_steps",
        "g_steps",
        "gp_lambda",
        "r1_gamma",
        "clip",
        "class_weight",
        "contrastive_weight",
        "beta",
    }
)
"""What a training can go on with another value of: what variants ask for at each step, and not when
they are built. All are flat names."""


def can_change(before: Scalar, after: Scalar) -> bool:
    """Whether a training can go from one value of a live setting to another.

    Numbers can follow numbers. But ``adaptive`` steps have a state of their own, and a weight of 0
    leaves a term out, which would come or go with its memory.
    """
    are_numbers = not any(isinstance(value, bool | str) for value in (before, after))
    return are_numbers and bool(before) == bool(after)


EMA_SHARE = 10 / 32
"""Half-life of the generator's average, in kimg for each image of a batch: StyleGAN2's code, and
that of others after it."""


class Game(Settings):
    """A generator against a discriminator, whatever they minimise."""

    d_steps: Annotated[int, Field(ge=1, le=20)] | Literal["adaptive"] = 1
    """Discriminator updates in one round: the k of Goodfellow 2014, Algorithm 1; ``adaptive`` lets
    it follow the discriminator's edge."""
    d_target: float = Field(default=0.75, gt=0.5, lt=1)
    """Edge that ``d_steps: adaptive`` aims at: the share of pairs of a real and a fake image in
    which the discriminator takes the real one for the realer; 0.5 is a blind guess."""
    g_steps: int = Field(default=1, ge=1, le=20)
    """Generator updates in one round."""
    g_lr: float = Field(default=2e-4, gt=0, le=1)
    """Generator's learning rate."""
    d_lr_ratio: float = Field(default=1.0, gt=0, le=100)
    """Discriminator's learning rate as a multiple of the generator's."""
    z_dim: int = Field(default=100, ge=1, le=1024)
    """Length of the latent vector."""
    gp_lambda: float = Field(default=0.0, ge=0, le=1000)
    """Weight of WGAN-GP's penalty on the discriminator's gradient; 0 leaves it out. With it, as
    with R1, the discriminator has layer norms in place of batch norms."""
    r1_gamma: float = Field(default=0.0, ge=0, le=1000)
    """Weight of R1, the discriminator's squared gradient at real images; 0 leaves it out."""
    r1_interval: int = Field(default=1, ge=1, le=64)
    """Discriminator updates between two computations of R1."""
    clip: float = Field(default=0.0, ge=0, le=10)
    """Bound of the discriminator's weights, clipped after each update; 0 leaves them free."""
    augment: AugmentName = "none"
    """What is done to images before the discriminator sees them: DiffAugment's, to every image, or
    with a probability that adapts; ``blit`` is ADA's flips, quarter turns and translations."""
    ada_target: float = Field(default=0.0, ge=0, lt=1)
    """Mean sign of D's logits on real images at which the probability of augmentation stays (ADA);
    0 augments every image. The paper's is 0.6."""
    ada_kimg: float = Field(default=500.0, gt=0)
    """Real images, in thousands, in which that probability could rise from 0 to 1."""


class Adversarial(Game):
    """A generator against a discriminator that minimise a pair of losses."""

    loss: AdversarialName = "non_saturating"
    """The adversarial pair."""


class Adam(Settings):
    """Adam's moments, the same for every player."""

    beta1: float = Field(default=0.5, ge=0, lt=1)
    """Decay of Adam's first moment."""
    beta2: float = Field(default=0.999, ge=0, lt=1)
    """Decay of Adam's second moment."""


class Perceptrons(Settings):
    """Networks without convolutions."""

    g_hidden: int = Field(default=1200, ge=8, le=4096)
    """Units of each of the generator's two hidden layers."""
    d_hidden: int = Field(default=240, ge=8, le=4096)
    """Maxout units of each of the discriminator's two hidden layers."""
    d_pieces: int = Field(default=5, ge=1, le=16)
    """Linear pieces of a maxout unit."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Share of the discriminator's hidden units dropped; the input's share is 0.2 as released."""


class Convolutional(Settings):
    """Networks of convolutions: searchable over depthwise-separable ones."""

    g_channels: int = Field(default=128, ge=4, le=512)
    """Channels of the generator at half of the images' resolution, or at their own below 32 pixels;
    doubled at each halving, up to 8-fold."""
    d_channels: int = Field(default=128, ge=4, le=512)
    """Channels of the discriminator there; doubled likewise."""
    dsc: Dsc = Dsc()
    """Depthwise-separable convolution."""


class ConvolutionalAdversarial(Adversarial, Adam, Convolutional):
    """A generator against a discriminator, both of convolutions, trained with Adam."""
