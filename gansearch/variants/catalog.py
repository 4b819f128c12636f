"""Every variant's name, kind of data, settings and home, without torch.

A new variant is one module, one entry here and one YAML in ``search_spaces/``; the contract tests,
``gansearch variants`` and the JSON Schema of a space find it by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from gansearch.settings import Dsc, Params, Scalar, Settings, nest

if TYPE_CHECKING:
    from gansearch.variants.base import Variant


class DataKind(StrEnum):
    """What a batch must hold beside the images for a variant to train on it."""

    NOISE = "noise"
    """Images alone."""
    LABEL = "label"
    """Images and their class labels."""


# --- What several variants share -------------------------------------------------------------


class Adversarial(Settings):
    """A generator against a discriminator."""

    d_steps: int = Field(default=1, ge=1, le=20)
    """Discriminator updates in one round: the k of Goodfellow 2014, Algorithm 1."""
    g_steps: int = Field(default=1, ge=1, le=20)
    """Generator updates in one round."""
    g_lr: float = Field(default=2e-4, gt=0, le=1)
    """Generator's learning rate."""
    d_lr_ratio: float = Field(default=1.0, gt=0, le=100)
    """Discriminator's learning rate as a multiple of the generator's."""
    z_dim: int = Field(default=100, ge=1, le=1024)
    """Length of the latent vector."""


class Adam(Settings):
    """Adam's moments, the same for every player."""

    beta1: float = Field(default=0.5, ge=0, lt=1)
    """Decay of Adam's first moment."""
    beta2: float = Field(default=0.999, ge=0, lt=1)
    """Decay of Adam's second moment."""


class Convolutional(Settings):
    """Networks of convolutions: searchable over depthwise-separable ones."""

    g_channels: int = Field(default=64, ge=4, le=512)
    """Channels of the generator at its full resolution; doubled at each halving, up to 16-fold."""
    d_channels: int = Field(default=64, ge=4, le=512)
    """Channels of the discriminator at its full resolution; doubled likewise."""
    dsc: Dsc = Dsc()
    """Depthwise-separable convolution."""


# --- Each variant's own settings: the defaults are its paper's ---------------------------------


class GanSettings(Adversarial):
    """Goodfellow et al. 2014, section 5 and the released configuration for MNIST."""

    batch_size: int = Field(default=100, ge=2, le=4096)
    """Real images in one step."""
    g_lr: float = Field(default=0.1, gt=0, le=1)
    """Generator's learning rate."""
    momentum: float = Field(default=0.5, ge=0, lt=1)
    """SGD momentum at the start."""
    final_momentum: float = Field(default=0.7, ge=0, lt=1)
    """SGD momentum that the schedule rises to."""
    g_loss: Literal["non_saturating", "minimax"] = "non_saturating"
    """The generator's objective: section 3's log D(G(z)), or equation 1's log(1 - D(G(z)))."""
    g_hidden: int = Field(default=1200, ge=8, le=4096)
    """Units of each of the generator's two hidden layers."""
    d_hidden: int = Field(default=240, ge=8, le=4096)
    """Maxout units of each of the discriminator's two hidden layers."""
    d_pieces: int = Field(default=5, ge=1, le=16)
    """Linear pieces of a maxout unit."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Share of the discriminator's hidden units dropped; the input's share is 0.2 as released."""


class DcganSettings(Adversarial, Adam, Convolutional):
    """Radford et al. 2015, section 3 and 4."""

    batch_size: int = Field(default=128, ge=2, le=4096)
    """Real images in one step."""


# --- The catalog -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One variant, as far as it can be known without torch.

    Attributes:
        name: as in a space's ``variant``.
        summary: one line for ``gansearch variants``.
        source: the paper that defines it.
        family: the folder of ``gansearch/variants/`` that it lives in.
        data: the kind of data that it takes.
        settings: the model of its parameters; the defaults are the paper's.
        home: ``module:Class``, relative to ``gansearch.variants``.
        small: parameters that shrink it to what trains in a moment at ``resolution``, for tests and
            try-outs.
        resolution: the smallest that it is built at, in pixels.
    """

    name: str
    summary: str
    source: str
    family: str
    data: DataKind
    settings: type[Settings]
    home: str
    small: Params
    resolution: int = 8

    def load(self) -> type[Variant[Any]]:
        """The variant's class; imports torch."""
        module, name = self.home.split(":")
        loaded: type[Variant[Any]] = getattr(import_module(f"gansearch.variants.{module}"), name)
        return loaded

    def small_settings(self, **params: Scalar) -> Settings:
        """The settings of the small form; flat ``params`` go before those of :attr:`small`."""
        return self.settings.model_validate(nest({**self.small, **params}))


CATALOG: dict[str, Entry] = {
    entry.name: entry
    for entry in (
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
}
