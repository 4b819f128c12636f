"""The parameters that each variant takes, derived from the fields of its settings.

Names, defaults and numeric kinds are read from the fields. JSON Schemas, which are slower to make,
are made only for messages and for the schema of a space.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError

from gansearch.config import TrainConfig
from gansearch.settings import Model, Params, Scalar, nest
from gansearch.space.wording import in_words
from gansearch.variants.catalog import CATALOG

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

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
class ParameterSpec:
    """Specification of a parameter of a variant.

    Attributes:
        name: flat dotted name, as in a space's ``parameters``.
        default: the paper's value.
        numbers: types of the numbers that it takes: ``float``, ``int``, both or none.
        settings: the model that has this field: usually the variant's settings.
        meaning: description, if it is not the field's docstring.
    """

    name: str
    default: Scalar
    numbers: frozenset[type]
    settings: type[Model]
    meaning: str = ""

    @property
    def summary(self) -> str:
        """Meaning of the parameter, in one line."""
        described: str = self._field_schema.get("description", "")
        return self.meaning or described

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of a value."""
        noise = ("title", "description", "default")
        return {key: value for key, value in self._field_schema.items() if key not in noise}

    @property
    def branches(self) -> list[Mapping[str, Any]]:
        """The accepted kinds of values, each as JSON Schema."""
        return list(self.schema.get("anyOf", [self.schema]))

    @property
    def domain(self) -> str:
        """The accepted values, in words."""
        return " or ".join(map(_describe, self.branches))

    def accepts(self, kind: Literal["float", "int"]) -> bool:
        """Whether a range of ``kind`` is accepted: a float setting also takes integers."""
        return float in self.numbers or (kind == "int" and int in self.numbers)

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

    @property
    def _field_schema(self) -> Mapping[str, Any]:
        return _field_schemas(self.settings)[self.name]


SEED = ParameterSpec(
    name="seed",
    default="derived",
    numbers=frozenset({int}),
    settings=TrainConfig,
    meaning="Seed of the training; unless given, it follows from the study's and the trial's "
    "number. A grid over seeds repeats every configuration.",
)
"""The only parameter that is not a variant's setting; every variant takes it."""


def takes(variant: str) -> frozenset[str]:
    """Return the flat dotted names of all parameters of ``variant``."""
    return _names(CATALOG[variant].settings)


def defaults_of(variant: str) -> Params:
    """Return the paper's value of every parameter of ``variant``."""
    return _defaults(CATALOG[variant].settings).copy()


def auto_values(variant: str, params: Params, resolution: int) -> Params:
    """Return the values that ``auto`` stands for, given the other parameters, by name.

    Args:
        variant: name in the catalog.
        params: flat parameters; missing ones have the paper's values.
        resolution: image resolution, in pixels.
    """
    settings = CATALOG[variant].settings
    own = {name: params[name] for name in takes(variant) & params.keys() - {SEED.name}}
    return dict(settings.model_construct(**nest(own)).following(resolution))


def specs_of(variant: str) -> Mapping[str, ParameterSpec]:
    """Return every parameter of ``variant`` by its flat dotted name."""
    return _specs(CATALOG[variant].settings)


def takers(name: str) -> list[str]:
    """Return the variants that take the parameter ``name``."""
    return [variant for variant in CATALOG if name in takes(variant)]


def is_taken(name: str, variants: Iterable[str]) -> bool:
    """Whether any variant of the catalog takes the parameter ``name``.

    Args:
        name: flat dotted name.
        variants: variants that are looked at first; each other one has to be imported.
    """
    first = [variant for variant in variants if variant in CATALOG]
    return any(name in takes(variant) for variant in (*first, *CATALOG))


@cache
def _names(settings: type[Model]) -> frozenset[str]:
    return frozenset({SEED.name, *(name for name, _, _ in _fields(settings))})


@cache
def _specs(settings: type[Model]) -> dict[str, ParameterSpec]:
    own = {
        name: ParameterSpec(name, default, _numbers(field.annotation), settings)
        for name, field, default in _fields(settings)
    }
    return {**own, SEED.name: SEED}


@cache
def _defaults(settings: type[Model]) -> Params:
    return {name: spec.default for name, spec in _specs(settings).items()}


def _fields(model: type[Model], prefix: str = "") -> Iterator[tuple[str, FieldInfo, Scalar]]:
    """Yield the flat name, the field and the default of every setting, those in groups too."""
    for name, field in model.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, Model):
            yield from _fields(group, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field, field.default


def _numbers(annotation: Any) -> frozenset[type]:
    """Return which of ``float`` and ``int`` an annotation names, alone or in a union."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _numbers(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return frozenset().union(*map(_numbers, get_args(annotation)))
    return frozenset({annotation} & {float, int}) if isinstance(annotation, type) else frozenset()


@cache
def _field_schemas(model: type[Model]) -> dict[str, dict[str, Any]]:
    schema = model.model_json_schema()
    return dict(_leaves(schema, schema.get("$defs", {})))


def _leaves(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema["properties"].items():
        group = definitions.get(field.get("$ref", "").rpartition("/")[2])
        if group is None:
            yield f"{prefix}{name}", field
        else:
            yield from _leaves(group, definitions, f"{prefix}{name}.")


def _describe(schema: Mapping[str, Any]) -> str:
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    limits = [f"{word} {schema[key]:g}" for key, word in _LIMITS.items() if key in schema]
    return " ".join((_TYPES.get(schema.get("type", ""), "a value"), " and ".join(limits))).strip()
