"""The validated models of one trial's training: what a checkpoint, a run and a worker agree on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gansearch.errors import ConfigError

Scalar = bool | int | float | str
"""A sampled value: what Optuna stores, Ray ships and MLflow shows."""

Params = dict[str, Scalar]
"""A sampled configuration, flat: ``{"variant": "dcgan", "g_lr": 2e-4, "dsc.where": "both"}``."""


class Model(BaseModel):
    """A frozen value object: unknown keys are errors, numbers are finite, nothing is coerced twice."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class Dsc(Model):
    """Where depthwise-separable convolutions (DSC) replace dense ones, and their form."""

    where: Literal["none", "generator", "discriminator", "both"] = "none"
    """The networks whose convolutions are separable."""
    resolutions: str = "all"
    """``all``, ``low`` (at most 32), ``high`` (at least 64), or a range in pixels such as ``8-16``."""
    kernel_size: Literal[3, 5] = 3
    """Kernel of the depthwise half where the dense convolution's is 3; other kernels keep theirs."""
    depth_multiplier: Literal[1, 2] = 1
    """Depthwise filters for each input channel."""
    order: Literal["depthwise_first", "pointwise_first"] = "depthwise_first"
    """Which half comes first."""
    middle: Literal["none", "norm_act"] = "none"
    """What stands between the halves: nothing, or batch normalisation and a leaky ReLU."""

    @field_validator("resolutions")
    @classmethod
    def _known_range(cls, value: str) -> str:
        if value in ("all", "low", "high"):
            return value
        match = re.fullmatch(r"(\d+)-(\d+)", value)
        if match is None or int(match[1]) > int(match[2]):
            raise ValueError(f"{value!r} is not all, low, high or a range such as 8-16")
        return value

    def applies(self, network: Literal["generator", "discriminator"], resolution: int) -> bool:
        """Whether a convolution of ``network`` that runs at ``resolution`` pixels is separable."""
        if self.where not in (network, "both"):
            return False
        if self.resolutions == "all":
            return True
        if self.resolutions == "low":
            return resolution <= 32
        if self.resolutions == "high":
            return resolution >= 64
        low, high = map(int, self.resolutions.split("-"))
        return low <= resolution <= high


class DataConfig(Model):
    """Which images are trained on."""

    name: Literal["digits", "photos", "folder", "mnist", "cifar10"]
    """``digits`` and ``photos`` ship with scikit-learn; ``folder`` reads image files; ``mnist`` and
    ``cifar10`` come through torchvision."""
    path: Path | None = None
    """Folder of the images (``folder``) or of torchvision's files (``mnist``, ``cifar10``)."""
    resolution: int = Field(default=8, ge=8, le=1024)
    """Height and width in pixels, a power of two; images are resized and centre-cropped to it."""
    holdout: float = Field(default=0.0, ge=0.0, le=0.5)
    """Share of the images kept out of training, the same ones for every trial."""
    unreadable: Literal["refuse", "skip"] = "refuse"
    """What a broken image file does: stop with its name, or be named, counted and left out."""
    download: bool = False
    """Whether torchvision may fetch the files where they are missing."""

    @field_validator("resolution")
    @classmethod
    def _power_of_two(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError(f"{value} is not a power of two")
        return value

    @model_validator(mode="after")
    def _path_where_needed(self) -> Self:
        if self.name in ("folder", "mnist", "cifar10") and self.path is None:
            raise ValueError(f"data {self.name!r} needs a path")
        return self


class EvaluationConfig(Model):
    """How a trial's quality is measured: the part of the protocol that a person chooses."""

    metrics: tuple[str, ...] = ()
    """Quality metrics computed at every rung; the objectives are always among them."""
    samples: int = Field(default=1000, ge=2, le=100_000)
    """Generated images per evaluation; part of the protocol."""
    seed: int = Field(default=0, ge=0)
    """Seed of the latent vectors, the same ones at every evaluation."""
    inception_weights: Path | None = None
    """pytorch-fid's Inception weights; without it torch's hub cache is looked in."""


class Settings(Model):
    """What every variant is trained with. Each variant's own settings extend it in the catalog."""

    batch_size: int = Field(default=64, ge=2, le=4096)
    """Real images in one step."""
    ema_kimg: float = Field(default=0.0, ge=0.0)
    """Half-life of the generator's moving average, in kimg; 0 samples from the weights themselves."""


class TrainConfig(Model):
    """Everything that determines one training run, up to the machine it runs on."""

    variant: str
    settings: Settings
    data: DataConfig
    evaluation: EvaluationConfig = EvaluationConfig()
    seed: int = Field(ge=0)
    """Seed of the weights, the order of the images and the latent vectors."""
    max_kimg: float = Field(gt=0)
    """Real images shown to the discriminator over the whole run, in thousands."""

    @model_validator(mode="before")
    @classmethod
    def _settings_of_variant(cls, value: Any) -> Any:
        from gansearch.variants.catalog import CATALOG  # the catalog's settings extend Settings

        if isinstance(value, Mapping) and isinstance(value.get("settings"), Mapping):
            entry = CATALOG.get(str(value.get("variant")))
            if entry is None:
                raise ValueError(f"variant {value.get('variant')!r} is not one of {', '.join(CATALOG)}")
            return {**value, "settings": entry.settings.model_validate(value["settings"])}
        return value

    @classmethod
    def from_params(
        cls,
        params: Mapping[str, Scalar],
        *,
        data: DataConfig,
        evaluation: EvaluationConfig,
        seed: int,
        max_kimg: float,
    ) -> Self:
        """The configuration that flat sampled parameters stand for.

        Args:
            params: flat parameters with ``variant`` among them; dotted names are nested.
            data: the images.
            evaluation: how quality is measured.
            seed: of this run, at least 0.
            max_kimg: full budget in kimg.

        Raises:
            ConfigError: a parameter that the variant does not take, or a value out of its range.
        """
        settings = {name: value for name, value in params.items() if name != "variant"}
        try:
            return cls.model_validate(
                {
                    "variant": params["variant"],
                    "settings": nest(settings),
                    "data": data,
                    "evaluation": evaluation,
                    "seed": seed,
                    "max_kimg": max_kimg,
                }
            )
        except ValidationError as error:
            raise ConfigError(describe(error)) from None

    # A subclass of Settings is stored whole, not cut to the base class's fields.
    def to_json(self) -> str:
        """This configuration as JSON; :meth:`from_json` reads it back."""
        return self.model_dump_json(serialize_as_any=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The configuration that :meth:`to_json` wrote.

        Raises:
            ConfigError: the text is not such a configuration.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ConfigError(describe(error)) from None


def nest(flat: Mapping[str, Scalar]) -> dict[str, Any]:
    """``{"dsc.where": "both"}`` → ``{"dsc": {"where": "both"}}``."""
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *groups, leaf = name.split(".")
        target = nested
        for group in groups:
            target = target.setdefault(group, {})
        target[leaf] = value
    return nested


def flatten(nested: Mapping[str, Any], prefix: str = "") -> Params:
    """``{"dsc": {"where": "both"}}`` → ``{"dsc.where": "both"}``: the inverse of :func:`nest`."""
    flat: Params = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def describe(error: ValidationError) -> str:
    """A validation error as one line a problem: the dotted key, what is wrong, the value."""
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'configuration'}: {e['msg']} (got {e['input']!r})"
        for e in error.errors(include_url=False)
    )
