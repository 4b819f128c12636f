"""Sampled parameters, and the typed settings made from them."""

import ast
import inspect
import re
import textwrap
from collections.abc import Mapping
from enum import Enum
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

T = TypeVar("T")

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
    """Frozen value object: unknown keys are errors and numbers are finite.

    Validators are built on first use. The docstrings of fields are read from the source only for a
    JSON Schema, in which they are the descriptions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: "CoreSchema", handler: "GetJsonSchemaHandler"
    ) -> "JsonSchemaValue":
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema)["properties"]
        for name, text in field_docstrings(cls).items():
            properties[cls.model_fields[name].alias or name]["description"] = text
        return schema


@cache
def field_docstrings(model: type[Model]) -> dict[str, str]:
    """Return the docstrings of a model's fields by name, inherited ones too."""
    texts: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, Model):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        for pair in pairwise(getattr(tree, "body", ())):
            match pair:
                case ast.AnnAssign(ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                    texts[name] = inspect.cleandoc(text)
    return texts


class Reading(Enum):
    """When a variant reads a setting."""

    EACH_STEP = "each step"
    """At each step, so that a training can continue with another value."""
    CONSTRUCTION = "construction"
    """When the variant is built, so that the value is fixed for a whole training."""


Live = Annotated[T, Reading.EACH_STEP]
"""Type of a setting that a training can continue with another value of: ``g_lr: Live[float]``."""

Fixed = Annotated[T, Reading.CONSTRUCTION]
"""Type of a setting, or of a group, that is fixed for a whole training: ``z_dim: Fixed[int]``."""


class Settings(Model):
    """Settings of every variant's training; the catalog extends them for each variant.

    Each field is :data:`Live` or :data:`Fixed`.
    """

    batch_size: Fixed[int] = Field(default=64, ge=2, le=4096)
    """Real images per step."""
    ema_kimg: Fixed[float] = Field(default=0.0, ge=0.0)
    """Half-life of the generator's moving average, in kimg; 0 uses the current weights."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Check that each field is marked.

        Raises:
            TypeError: a field is neither live nor fixed.
        """
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            if sum(isinstance(mark, Reading) for mark in field.metadata) != 1:
                raise TypeError(
                    f"{cls.__name__}.{name} should be Live[...] if the variant reads it at each "
                    "step, or Fixed[...] if it reads it at construction"
                )

    @classmethod
    def live(cls) -> frozenset[str]:
        """Return the names of the settings that a training can continue with other values of."""
        fields = cls.model_fields.items()
        return frozenset(name for name, field in fields if Reading.EACH_STEP in field.metadata)

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


def can_change(before: Scalar, after: Scalar) -> bool:
    """Whether a training can continue with another value of a live setting.

    A number can follow a number, with two exceptions. ``adaptive`` steps have a state of their own.
    A weight of 0 omits a term, so a change from or to 0 would change the memory.
    """
    are_numbers = not any(isinstance(value, bool | str) for value in (before, after))
    return are_numbers and bool(before) == bool(after)


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
