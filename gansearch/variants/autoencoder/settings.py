"""Settings of autoencoders; defaults are the papers'."""

from typing import Literal

from pydantic import Field

from gansearch.settings import Dsc, Fixed, Live
from gansearch.variants.settings import Adam


class AutoencoderDsc(Dsc):
    """DSC settings of a variant without a discriminator."""

    where: Literal["none", "generator"] = "none"
    """Whether the encoder's and the decoder's convolutions are separable."""


class VaeSettings(Adam):
    """Kingma & Welling 2014, section 5, on the networks of DCGAN, trained with Adam."""

    batch_size: Fixed[int] = Field(default=100, ge=2, le=4096)
    """Real images per step."""
    g_lr: Live[float] = Field(default=1e-3, gt=0, le=1)
    """Learning rate of the encoder and the decoder."""
    beta1: Live[float] = Field(default=0.9, ge=0, lt=1)
    """Decay of Adam's first moment."""
    z_dim: Fixed[int] = Field(default=20, ge=1, le=1024)
    """Length of the latent vector."""
    decoder: Fixed[Literal["bernoulli", "gaussian"]] = "bernoulli"
    """Distribution of a pixel: Bernoulli, or Gaussian with one learnt deviation for all pixels."""
    beta: Live[float] = Field(default=1.0, ge=0, le=1000)
    """Weight of the divergence from the prior (Higgins et al. 2017); 1 gives the evidence lower
    bound."""
    g_channels: Fixed[int] = Field(default=64, ge=4, le=512)
    """Channels of the decoder at half of the images' resolution, or at their own below 32 pixels;
    doubled at each halving, up to 8-fold."""
    e_channels: Fixed[int] = Field(default=64, ge=4, le=512)
    """Channels of the encoder at that resolution; doubled in the same way."""
    dsc: Fixed[AutoencoderDsc] = AutoencoderDsc()
    """Depthwise-separable convolution."""
