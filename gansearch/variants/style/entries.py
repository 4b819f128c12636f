"""Style-based generators: their settings, with the papers' defaults, and their entries."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from gansearch.settings import Dsc
from gansearch.variants.entry import DataKind, Entry
from gansearch.variants.settings import Adam, Adversarial


class StyleDsc(Dsc):
    """DSC in networks that a non-linearity or a batch norm between the halves would break.

    The one would alias in the generator, the other mix images under R1's gradient.
    """

    middle: Literal["none"] = "none"
    """What stands between the halves: nothing, as each layer's own activation is filtered."""


class Stylegan3Settings(Adversarial, Adam):
    """Karras et al. 2021, appendix F, at 1024 pixels."""

    config: Literal["t", "r"] = "t"
    """``t``, equivariant to translation, or ``r``, to rotation too: 1x1 convolutions of twice the
    channels and radially symmetric filters."""
    batch_size: int = Field(default=32, ge=2, le=4096)
    """Real images in one step."""
    ema_kimg: float = Field(default=10.0, ge=0.0)
    """Half-life of the generator's moving average, in kimg; 0 takes the weights as they are."""
    g_lr: float = Field(default=2.5e-3, gt=0, le=1)
    """Generator's learning rate."""
    d_lr_ratio: float = Field(default=0.8, gt=0, le=100)
    """Discriminator's learning rate as a multiple of the generator's."""
    beta1: float = Field(default=0.0, ge=0, lt=1)
    """Decay of Adam's first moment."""
    beta2: float = Field(default=0.99, ge=0, lt=1)
    """Decay of Adam's second moment."""
    z_dim: int = Field(default=512, ge=1, le=1024)
    """Length of the latent vector."""
    w_dim: int = Field(default=512, ge=1, le=1024)
    """Length of the style that the latent is mapped to."""
    r1_gamma: float = Field(default=32.8, ge=0, le=1000)
    """Weight of R1; a rule for other data (StyleGAN2-ADA): 0.0002 · pixels / batch size."""
    r1_interval: int = Field(default=16, ge=1, le=64)
    """Discriminator updates between two computations of R1."""
    blur_sigma: float = Field(default=0.0, ge=0, le=100)
    """Deviation, in pixels, of the blur over all that the discriminator sees at first; the paper's
    config R has 10."""
    blur_kimg: float = Field(default=200.0, gt=0)
    """Progress at which that blur has faded out, in kimg."""
    g_layers: int = Field(default=14, ge=3, le=64)
    """Generator's layers between the Fourier features and the one that makes the image."""
    margin: int = Field(default=10, ge=0, le=64)
    """Samples around the image's own that a feature map holds on each side."""
    g_channels: int = Field(default=512, ge=4, le=2048)
    """Most channels of a layer of the generator; config ``r`` has twice as many."""
    d_channels: int = Field(default=512, ge=4, le=2048)
    """Most channels of a layer of the discriminator."""
    channel_base: int = Field(default=32768, ge=256, le=2**20)
    """Channels times resolution, where that gives a layer fewer than the most."""
    dsc: StyleDsc = StyleDsc()
    """Depthwise-separable convolution."""

    @model_validator(mode="after")
    def _separable_in_t_alone(self) -> Self:
        if self.config == "r" and self.dsc.where in ("generator", "both"):
            raise ValueError(
                f"dsc.where: {self.dsc.where} with config: r has no kernel to separate, as the "
                "generator's are 1x1; take dsc.where: discriminator, or config: t"
            )
        return self


ENTRIES = (
    Entry(
        name="stylegan3",
        summary="alias-free style-based generator, configs T and R, against StyleGAN2's residual D",
        source="Karras et al. 2021, Alias-Free Generative Adversarial Networks",
        family="style",
        data=DataKind.NOISE,
        settings=Stylegan3Settings,
        home="style.stylegan3:Stylegan3",
        small={
            "batch_size": 8,
            "z_dim": 8,
            "w_dim": 8,
            "g_layers": 4,
            "margin": 2,
            "g_channels": 8,
            "d_channels": 8,
        },
    ),
)
