"""Settings of style-based generators; defaults are the papers'."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gansearch.settings import Auto, Dsc, Fixed, Live
from gansearch.variants.settings import EMA_SHARE, Adam, Adversarial

R1_SHARE = 0.001
"""R1's weight times batch size per pixel. This is the paper's and the released code's value for
config T at all sizes (32.8 at 1024 pixels and 8.2 at 512, in batches of 32; 1 at 256, in batches of
64). The code recommends it for other sizes and for both configs."""
R_BLUR_SIGMA = 10.0
"""Initial standard deviation of the blur in config R, in pixels."""
BLUR_SHARE = 200 / 32
"""Progress at which the blur has faded out, in kimg per image of a batch."""


class StyleDsc(Dsc):
    """DSC settings of networks that allow no layers between the convolutions.

    A non-linearity there would alias in the generator. Batch normalisation there would mix images
    under R1's gradient.
    """

    middle: Literal["none"] = "none"
    """Layers between the two convolutions: none, because each layer filters its own activation."""


class Stylegan3Settings(Adversarial, Adam):
    """Karras et al. 2021, appendix F, and the released code, whose rules ``auto`` stands for."""

    config: Fixed[Literal["t", "r"]] = "t"
    """``t``, equivariant to translation, or ``r``, to rotation too: 1x1 convolutions of twice the
    channels and radially symmetric filters."""
    batch_size: Fixed[int] = Field(default=32, ge=2, le=4096)
    """Real images per step."""
    # Accepts "auto", unlike in other variants; resolved to a number before use.
    ema_kimg: Fixed[Annotated[float, Field(ge=0)] | Auto] = "auto"  # type: ignore[assignment]
    """Half-life of the generator's moving average, in kimg; 0 uses the current weights; ``auto`` is
    10/32 of the batch size."""
    g_lr: Live[float] = Field(default=2.5e-3, gt=0, le=1)
    """Learning rate of the generator."""
    d_lr_ratio: Live[float] = Field(default=0.8, gt=0, le=100)
    """Learning rate of the discriminator as a multiple of the generator's."""
    beta1: Live[float] = Field(default=0.0, ge=0, lt=1)
    """Decay of Adam's first moment."""
    beta2: Live[float] = Field(default=0.99, ge=0, lt=1)
    """Decay of Adam's second moment."""
    z_dim: Fixed[int] = Field(default=512, ge=1, le=1024)
    """Length of the latent vector."""
    w_dim: Fixed[int] = Field(default=512, ge=1, le=1024)
    """Length of the style that the latent is mapped to."""
    r1_gamma: Live[Annotated[float, Field(ge=0, le=1000)] | Auto] = "auto"  # type: ignore[assignment]
    """Weight of R1; 0 disables it; ``auto`` is 0.001 · pixels / batch size."""
    r1_interval: Fixed[int] = Field(default=16, ge=1, le=64)
    """Discriminator updates per computation of R1."""
    blur_sigma: Fixed[Annotated[float, Field(ge=0, le=100)] | Auto] = "auto"
    """Standard deviation, in pixels, of the initial blur of the discriminator's input; ``auto`` is
    10 in config ``r``, 0 in ``t``."""
    blur_kimg: Fixed[Annotated[float, Field(gt=0)] | Auto] = "auto"
    """Progress at which the blur has faded out, in kimg; ``auto`` is 200/32 of the batch size."""
    g_layers: Fixed[int] = Field(default=14, ge=3, le=64)
    """Layers of the generator between the Fourier features and the output layer."""
    margin: Fixed[int] = Field(default=10, ge=0, le=64)
    """Margin of a feature map on each side, in samples."""
    g_channels: Fixed[int] = Field(default=512, ge=4, le=2048)
    """Maximum number of channels of a generator layer; config ``r`` has twice as many."""
    d_channels: Fixed[int] = Field(default=512, ge=4, le=2048)
    """Maximum number of channels of a discriminator layer."""
    channel_base: Fixed[int] = Field(default=32768, ge=256, le=2**20)
    """Channels times resolution of a layer, up to the maximum number of channels."""
    dsc: Fixed[StyleDsc] = StyleDsc()
    """Depthwise-separable convolution."""

    def following(self, resolution: int) -> dict[str, float]:
        """The released code's rules for the batch size, the config and, for R1, the pixels."""
        return {
            "ema_kimg": EMA_SHARE * self.batch_size,
            "r1_gamma": R1_SHARE * resolution**2 / self.batch_size,
            "blur_sigma": R_BLUR_SIGMA if self.config == "r" else 0.0,
            "blur_kimg": BLUR_SHARE * self.batch_size,
        }

    @model_validator(mode="after")
    def _separable_in_t_alone(self) -> Self:
        if self.config == "r" and self.dsc.where in ("generator", "both"):
            raise ValueError(
                f"dsc.where: {self.dsc.where} with config: r has no kernel to separate, as the "
                "generator's are 1x1; take dsc.where: discriminator, or config: t"
            )
        return self
