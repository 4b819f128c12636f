"""Settings and catalog entries of class-conditional GANs; defaults are the papers'."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gansearch.settings import Params
from gansearch.variants.entry import DataKind, Entry
from gansearch.variants.settings import AdversarialName, ConvolutionalAdversarial


class CganSettings(ConvolutionalAdversarial):
    """Mirza & Osindero 2014 on the networks of Radford et al. 2015, with the latter's settings."""

    batch_size: int = Field(default=128, ge=2, le=4096)
    """Real images per step."""


class AcganSettings(ConvolutionalAdversarial):
    """Odena et al. 2017, table 2 (CIFAR-10)."""

    batch_size: int = Field(default=100, ge=2, le=4096)
    """Real images per step."""
    g_channels: int = Field(default=48, ge=4, le=512)
    """Half of the generator's channels at half resolution; doubled at each halving."""
    d_channels: int = Field(default=16, ge=4, le=512)
    """Channels of the discriminator's first convolution; doubled by each of the next, up to 512."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Share of the discriminator's activations dropped after each convolution."""
    conditioning: Literal["concat", "batch_norm"] = "concat"
    """How the label enters the generator: concatenated to the latent, or through batch norms."""
    class_weight: float = Field(default=1.0, ge=0, le=100)
    """Weight of the class head's cross-entropy."""


class ResnetSettings(ConvolutionalAdversarial):
    """Settings that projection GAN and ContraGAN share."""

    d_steps: Annotated[int, Field(ge=1, le=20)] | Literal["adaptive"] = 5
    """Discriminator updates in one round: k of Goodfellow 2014, Algorithm 1; ``adaptive`` controls
    it by the discriminator's accuracy."""
    loss: AdversarialName = "hinge"
    """The pair of adversarial losses."""
    g_channels: int = Field(default=64, ge=4, le=512)
    """A quarter of the generator's channels up to 32 pixels; above, its channels at full
    resolution."""
    d_channels: int = Field(default=64, ge=4, le=512)
    """Half of the discriminator's channels up to 32 pixels; above, those of its first block."""


class ProjganSettings(ResnetSettings):
    """Miyato & Koyama 2018, section 5 and appendix A; Miyato et al. 2018, table 4 (CIFAR-10)."""

    z_dim: int = Field(default=128, ge=1, le=1024)
    """Length of the latent vector."""
    beta1: float = Field(default=0.0, ge=0, lt=1)
    """Decay of Adam's first moment."""
    beta2: float = Field(default=0.9, ge=0, lt=1)
    """Decay of Adam's second moment."""


class ContraganSettings(ResnetSettings):
    """Kang & Park 2020, section 4 and the released configuration for CIFAR-10."""

    z_dim: int = Field(default=80, ge=4, le=1024)
    """Length of the latent vector; the stem and each block of the generator get an equal part."""
    g_channels: int = Field(default=96, ge=4, le=512)
    """A quarter of the generator's channels up to 32 pixels; above, its channels at full
    resolution."""
    d_channels: int = Field(default=96, ge=4, le=512)
    """Half of the discriminator's channels up to 32 pixels; above, those of its first block."""
    ema_kimg: float = Field(default=2218.0, ge=0.0)
    """Half-life of the generator's moving average, in kimg; the default is a decay of 0.9999 at 5 x
    64 images per round."""
    label_dim: int = Field(default=128, ge=1, le=1024)
    """Length of the label's embedding, which all blocks of the generator share."""
    embedding_dim: int = Field(default=512, ge=2, le=4096)
    """Length of the discriminator's embeddings of images and labels."""
    temperature: float = Field(default=1.0, gt=0, le=100)
    """Temperature that divides similarities."""
    contrastive_weight: float = Field(default=1.0, ge=0, le=100)
    """Weight of the contrastive loss (2C)."""


_SMALL: Params = {"batch_size": 8, "z_dim": 12, "g_channels": 4, "d_channels": 4}

ENTRIES = (
    Entry(
        name="cgan",
        summary="DCGAN with the label joined to the latent vector and to the images",
        source="Mirza & Osindero 2014, Conditional Generative Adversarial Nets",
        family="conditional",
        data=DataKind.LABEL,
        by_class=True,
        settings=CganSettings,
        home="conditional.cgan:Cgan",
        small={**_SMALL, "g_channels": 8, "d_channels": 8},
    ),
    Entry(
        name="acgan",
        summary="a discriminator that also names the class",
        source="Odena et al. 2017, Conditional Image Synthesis with Auxiliary Classifier GANs",
        family="conditional",
        data=DataKind.LABEL,
        by_class=True,
        settings=AcganSettings,
        home="conditional.acgan:Acgan",
        small={**_SMALL, "g_channels": 8},
    ),
    Entry(
        name="projgan",
        summary="ResNets with conditional batch norm and a label projected on D's features",
        source="Miyato & Koyama 2018, cGANs with Projection Discriminator",
        family="conditional",
        data=DataKind.LABEL,
        by_class=True,
        settings=ProjganSettings,
        home="conditional.projgan:Projgan",
        small=_SMALL,
    ),
    Entry(
        name="contragan",
        summary="BigGAN's networks, D's embeddings contrasted within and between classes",
        source="Kang & Park 2020, ContraGAN: Contrastive Learning for Conditional Image Generation",
        family="conditional",
        data=DataKind.LABEL,
        by_class=True,
        settings=ContraganSettings,
        home="conditional.contragan:Contragan",
        small={**_SMALL, "label_dim": 8, "embedding_dim": 16},
    ),
)
