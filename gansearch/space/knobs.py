"""The parameters that each variant takes, derived from the catalog's settings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from gansearch.config import Model, Params, Scalar, Settings, TrainConfig, flatten, nest
from gansearch.settings import LARGEST
from gansearch.space.wording import in_words
from gansearch.variants.catalog import CATALOG

_TYPES = {
    "number": "a number",
    "integer": "an integer",
    "string": "a string",
    "boolean": "true or false",
}
_LIMITS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}


@dataclass(frozen=True)
class Knob:
    """Specification of a parameter of a variant.

    Attributes:
        name: flat dotted name, as in a space's ``parameters``.
        default: the paper's value.
        summary: one-line description.
        schema: JSON Schema of a value.
        settings: the model that has this field: usually the variant's settings.
    """

    name: str
    default: Scalar
    summary: str
    schema: Mapping[str, Any]
    settings: type[Model]

    @property
    def branches(self) -> list[Mapping[str, Any]]:
        """The accepted kinds of values, each as JSON Schema."""
        return list(self.schema.get("anyOf", [self.schema]))

    @property
    def domain(self) -> str:
        """The accepted values, in words."""
        return " or ".join(map(_describe, self.branches))

    def accepts(self, kind: str) -> bool:
        """Whether a range of ``kind``, ``float`` or ``int``, is accepted."""
        wanted = {"float": {"number"}, "int": {"number", "integer"}}[kind]
        return any(b.get("type") in wanted and "enum" not in b for b in self.branches)

    def complaint(self, value: Scalar) -> str | None:
        """Return an error message with the accepted values, or ``None`` for a valid value."""
        text = json.dumps(nest({self.name: value}))
        path = tuple(self.name.split("."))
        try:
            self.settings.model_validate_json(text, strict=True)
        except ValidationError as error:
            own = [e for e in error.errors() if e["loc"][: len(path)] == path]
            if own:
                says_all = own[0]["type"] in ("literal_error", "value_error")
                return in_words(own[0]) + ("" if says_all else f"; takes {self.domain}")
        return None


SEED = Knob(
    name="seed",
    default="derived",
    summary="Seed of the training; unless given, it follows from the study's and the trial's "
    "number. A grid over seeds repeats every configuration.",
    schema={"type": "integer", "minimum": 0, "maximum": LARGEST},
    settings=TrainConfig,
)
"""The only parameter that is not a variant's setting; every variant takes it."""


def takes(variant: str) -> frozenset[str]:
    """Return the flat dotted names of all parameters of ``variant``."""
    return _names(CATALOG[variant].settings) | {SEED.name}


def defaults_of(variant: str) -> Params:
    """Return the paper's value of every parameter of ``variant``."""
    return {**_defaults(CATALOG[variant].settings), SEED.name: SEED.default}


def auto_values(variant: str, params: Params, resolution: int) -> Params:
    """Return the values that ``auto`` stands for, given the other parameters, by name.

    Args:
        variant: name in the catalog.
        params: flat parameters; missing ones have the paper's values.
        resolution: image resolution, in pixels.
    """
    own = {name: value for name, value in params.items() if name in takes(variant) - {SEED.name}}
    return dict(CATALOG[variant].settings.model_construct(**nest(own)).following(resolution))


def knobs_of(variant: str) -> dict[str, Knob]:
    """Return every parameter of ``variant`` by its flat dotted name."""
    return {**_knobs(CATALOG[variant].settings), SEED.name: SEED}


def takers(name: str) -> list[str]:
    """Return the variants that take the parameter ``name``."""
    return [variant for variant in CATALOG if name in takes(variant)]


@cache
def _names(settings: type[BaseModel]) -> frozenset[str]:
    # This reads the fields alone: an instance needs a validator, which is slow to build.
    types = {name: field.annotation for name, field in settings.model_fields.items()}
    groups = {n: t for n, t in types.items() if isinstance(t, type) and issubclass(t, BaseModel)}
    nested = {f"{name}.{member}" for name, group in groups.items() for member in _names(group)}
    return frozenset(types.keys() - groups.keys() | nested)


@cache
def _defaults(settings: type[BaseModel]) -> Params:
    return flatten(settings().model_dump())


@cache
def _knobs(settings: type[Settings]) -> dict[str, Knob]:
    schema = settings.model_json_schema()
    defaults = _defaults(settings)
    return {
        name: Knob(name, defaults[name], s.get("description", ""), _value_schema(s), settings)
        for name, s in _leaves(schema, schema.get("$defs", {}))
    }


def _leaves(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema["properties"].items():
        group = definitions.get(field.get("$ref", "").rpartition("/")[2])
        if group is None:
            yield f"{prefix}{name}", field
        else:
            yield from _leaves(group, definitions, f"{prefix}{name}.")


def _value_schema(field: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in field.items() if k not in ("title", "description", "default")}


def _describe(schema: Mapping[str, Any]) -> str:
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    limits = [f"{word} {schema[key]:g}" for key, word in _LIMITS.items() if key in schema]
    return " ".join((_TYPES.get(schema.get("type", ""), "a value"), " and ".join(limits))).strip()
