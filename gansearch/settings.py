"""Sampled parameters, and the typed settings made from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

Scalar = bool | int | float | str
"""A sampled value, which Optuna stores, Ray ships and MLflow shows."""

Params = dict[str, Scalar]
"""A sampled configuration, flat: ``{"variant": "dcgan", "g_lr": 2e-4, "dsc.where": "both"}``."""


AUTO: Final = "auto"
"""Placeholder of a number that follows from the rest of a configuration."""

Auto = Literal["auto"]

LARGEST = 2**63 - 1
"""Largest integer (of seeds above all) that databases and random generators accept."""


class Model(BaseModel):
    """Frozen value object: unknown keys are errors and numbers are finite."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class Settings(Model):
    """Settings of every variant's training; the catalog extends them for each variant."""

    # Validators are built on first use, because listing the catalog needs none of them.
    model_config = ConfigDict(defer_build=True)

    batch_size: int = Field(default=64, ge=2, le=4096)
    """Real images per step."""
    ema_kimg: float = Field(default=0.0, ge=0.0)
    """Half-life of the generator's moving average, in kimg; 0 uses the current weights."""

    def following(self, resolution: int) -> dict[str, float]:  # noqa: ARG002 - for subclasses
        """Return the values that ``auto`` stands for in these settings, by name.

        Args:
            resolution: image resolution, in pixels.
        """
        return {}

    def resolved(self, resolution: int) -> Self:
        """Replace every ``auto`` in these settings by its number.

        Args:
            resolution: image resolution, in pixels.
        """
        values = self.following(resolution).items()
        return self.model_copy(update={n: v for n, v in values if getattr(self, n) == AUTO})


class Dsc(Model):
    """Where depthwise-separable convolutions (DSC) replace dense ones, and their form."""

    where: Literal["none", "generator", "discriminator", "both"] = "none"
    """Networks whose convolutions are separable."""
    resolutions: str = "all"
    """``all``, ``low`` (up to 32 px), ``high`` (from 64), or a range in pixels such as ``8-16``."""
    kernel_size: Literal[3, 5] = 3
    """Depthwise kernel that replaces a dense 3 or 5; other dense kernels keep their size."""
    depth_multiplier: Literal[1, 2] = 1
    """Depthwise filters per input channel."""
    order: Literal["depthwise_first", "pointwise_first"] = "depthwise_first"
    """Order of the two convolutions."""
    middle: Literal["none", "norm_act"] = "none"
    """Layers between the two convolutions: none, or batch normalisation and a leaky ReLU."""

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
