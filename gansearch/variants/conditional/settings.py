"""Settings of class-conditional GANs; defaults are the papers'."""

from typing import Annotated, Literal

from pydantic import Field

from gansearch.settings import Fixed, Live
from gansearch.variants.settings import AdversarialName, ConvolutionalAdversarial


class CganSettings(ConvolutionalAdversarial):
    """Mirza & Osindero 2014 on the networks of Radford et al. 2015, with the latter's settings."""

    batch_size: Fixed[int] = Field(default=128, ge=2, le=4096)
    """Real images per step."""


class AcganSettings(ConvolutionalAdversarial):
    """Odena et al. 2017, table 2 (CIFAR-10)."""

    batch_size: Fixed[int] = Field(default=100, ge=2, le=4096)
    """Real images per step."""
    g_channels: Fixed[int] = Field(default=48, ge=4, le=512)
    """Half of the generator's channels at half resolution; doubled at each halving."""
    d_channels: Fixed[int] = Field(default=16, ge=4, le=512)
    """Channels of the discriminator's first convolution; doubled by each of the next, up to 512."""
    dropout: Fixed[float] = Field(default=0.5, ge=0, lt=1)
    """Share of the discriminator's activations dropped after each convolution."""
    conditioning: Fixed[Literal["concat", "batch_norm"]] = "concat"
    """How the label enters the generator: concatenated to the latent, or through batch norms."""
    class_weight: Live[float] = Field(default=1.0, ge=0, le=100)
    """Weight of the class head's cross-entropy."""


class ResnetSettings(ConvolutionalAdversarial):
    """Settings that projection GAN and ContraGAN share."""

    d_steps: Live[Annotated[int, Field(ge=1, le=20)] | Literal["adaptive"]] = 5
    """Discriminator updates in one round: k of Goodfellow 2014, Algorithm 1; ``adaptive`` controls
    it by the discriminator's accuracy."""
    loss: Fixed[AdversarialName] = "hinge"
    """The pair of adversarial losses."""
    g_channels: Fixed[int] = Field(default=64, ge=4, le=512)
    """A quarter of the generator's channels up to 32 pixels; above, its channels at full
    resolution."""
    d_channels: Fixed[int] = Field(default=64, ge=4, le=512)
    """Half of the discriminator's channels up to 32 pixels; above, those of its first block."""


class ProjganSettings(ResnetSettings):
    """Miyato & Koyama 2018, section 5 and appendix A; Miyato et al. 2018, table 4 (CIFAR-10)."""

    z_dim: Fixed[int] = Field(default=128, ge=1, le=1024)
    """Length of the latent vector."""
    beta1: Live[float] = Field(default=0.0, ge=0, lt=1)
    """Decay of Adam's first moment."""
    beta2: Live[float] = Field(default=0.9, ge=0, lt=1)
    """Decay of Adam's second moment."""


class ContraganSettings(ResnetSettings):
    """Kang & Park 2020, section 4 and the released configuration for CIFAR-10."""

    z_dim: Fixed[int] = Field(default=80, ge=4, le=1024)
    """Length of the latent vector; the stem and each block of the generator get an equal part."""
    g_channels: Fixed[int] = Field(default=96, ge=4, le=512)
    """A quarter of the generator's channels up to 32 pixels; above, its channels at full
    resolution."""
    d_channels: Fixed[int] = Field(default=96, ge=4, le=512)
    """Half of the discriminator's channels up to 32 pixels; above, those of its first block."""
    ema_kimg: Fixed[float] = Field(default=2218.0, ge=0.0)
    """Half-life of the generator's moving average, in kimg; the default is a decay of 0.9999 at 5 x
    64 images per round."""
    label_dim: Fixed[int] = Field(default=128, ge=1, le=1024)
    """Length of the label's embedding, which all blocks of the generator share."""
    embedding_dim: Fixed[int] = Field(default=512, ge=2, le=4096)
    """Length of the discriminator's embeddings of images and labels."""
    temperature: Fixed[float] = Field(default=1.0, gt=0, le=100)
    """Temperature that divides similarities."""
    contrastive_weight: Live[float] = Field(default=1.0, ge=0, le=100)
    """Weight of the contrastive loss (2C)."""
