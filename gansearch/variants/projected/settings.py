"""Settings of Projected GANs; defaults are the papers'."""

from typing import Annotated, Literal

from pydantic import Field

from gansearch.settings import Auto, Dsc, Fixed, Live
from gansearch.variants.settings import (
    EMA_SHARE,
    Adam,
    Adversarial,
    AdversarialName,
    AugmentName,
    Convolutional,
)


class ProjectedGanSettings(Adversarial, Adam, Convolutional):
    """Sauer et al. 2021, appendix, and the released configuration ``fastgan``."""

    # Accepts "auto", unlike in other variants; resolved to a number before use.
    ema_kimg: Fixed[Annotated[float, Field(ge=0)] | Auto] = "auto"  # type: ignore[assignment]
    """Half-life of the generator's moving average, in kimg; 0 uses the current weights; ``auto`` is
    10/32 of the batch size, as released."""
    z_dim: Fixed[int] = Field(default=256, ge=1, le=1024)
    """Length of the latent vector, which is normalised to the hypersphere."""
    loss: Fixed[AdversarialName] = "hinge"
    """The pair of adversarial losses."""
    augment: Fixed[AugmentName] = "color_translation_cutout"
    """DiffAugment's augmentation of every image before the projector."""
    beta1: Live[float] = Field(default=0.0, ge=0, lt=1)
    """Decay of Adam's first moment."""
    beta2: Live[float] = Field(default=0.99, ge=0, lt=1)
    """Decay of Adam's second moment."""
    g_channels: Fixed[int] = Field(default=128, ge=4, le=512)
    """Channels of the generator at 128 pixels; 16-fold at 4 pixels, half at 256."""
    d_channels: Fixed[int] = Field(default=64, ge=4, le=512)
    """Channels of the projector's finest map and of its head; coarser maps have up to 8-fold."""
    g_blocks: Fixed[Literal["big", "lite"]] = "big"
    """Generator blocks: ``big`` has two convolutions with noise per resolution, ``lite`` one
    without noise."""
    scales: Fixed[Literal[1, 2, 3, 4]] = 4
    """Number of the projector's feature maps, from the finest on, each with a discriminator head;
    fewer maps make a small model."""
    projector_resolution: Fixed[Literal[32, 64, 128, 224]] = 224
    """Resolution of the projector's input, in pixels; smaller images are enlarged to it. 32 makes a
    small model."""
    projector_weights: Fixed[str] = "hub"
    """``hub`` (timm's and torch's cache, then the network, otherwise random), ``random``, or a file
    of tf_efficientnet_lite0's weights."""
    dsc_sle: Fixed[bool] = False
    """Whether the generator's skip-layer excitations, with maps of 4 pixels, may be separable
    too."""

    def following(self, resolution: int) -> dict[str, float]:  # noqa: ARG002 - for any size
        """The released code's rule for the batch size."""
        return {"ema_kimg": EMA_SHARE * self.batch_size}


class GeneratorDsc(Dsc):
    """Separable convolutions, by default in the generator."""

    where: Literal["none", "generator", "discriminator", "both"] = "generator"
    """Networks whose convolutions are separable."""


class FasterProjectedGanSettings(ProjectedGanSettings):
    """Projected GAN with separable convolutions in the generator's upsampling blocks."""

    dsc: Fixed[GeneratorDsc] = GeneratorDsc()
    """Depthwise-separable convolution."""
