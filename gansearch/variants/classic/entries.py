"""The first GANs: their settings, with the papers' defaults, and their entries."""

from __future__ import annotations

from pydantic import Field

from gansearch.variants.entry import DataKind, Entry
from gansearch.variants.settings import Adam, Adversarial, Convolutional, Perceptrons


class GanSettings(Adversarial, Perceptrons):
    """Goodfellow et al. 2014, section 5 and the released configuration for MNIST."""

    batch_size: int = Field(default=100, ge=2, le=4096)
    """Real images in one step."""
    g_lr: float = Field(default=0.1, gt=0, le=1)
    """Generator's learning rate."""
    momentum: float = Field(default=0.5, ge=0, lt=1)
    """SGD momentum at the start."""
    final_momentum: float = Field(default=0.7, ge=0, lt=1)
    """SGD momentum that the schedule rises to."""


class DcganSettings(Adversarial, Adam, Convolutional):
    """Radford et al. 2015, section 3 and 4."""

    batch_size: int = Field(default=128, ge=2, le=4096)
    """Real images in one step."""


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
)
