"""JSON Schema of a space's YAML, for completion and validation in an editor.

``python -m gansearch.space.schema > search_spaces/space.schema.json`` writes the file that each
shipped YAML names in its first line.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from gansearch.metrics.catalog import METRICS
from gansearch.space.load import NOT_IN_YAML
from gansearch.space.space import Space
from gansearch.space.specs import ParameterSpec, specs_of, takes
from gansearch.variants.catalog import CATALOG

Schema = dict[str, Any]

_FORMS: dict[Literal["float", "int"], str] = {"float": "FloatRange", "int": "IntRange"}
_SCALAR: Schema = {"type": ["boolean", "number", "string"]}
_DIRECTION: Schema = {"enum": ["minimize", "maximize"]}


def json_schema() -> Schema:
    """Return the schema of a YAML, with every variant, parameter and metric by name."""
    schema = _tidy(Space.model_json_schema())
    definitions = schema.pop("$defs")
    own = {k: v for k, v in schema["properties"].items() if k not in NOT_IN_YAML}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "gansearch space",
        "description": "A search over GAN variants and their parameters.",
        "type": "object",
        "required": ["variant", "parameters"],
        "additionalProperties": False,
        "properties": {**own, **_sections(own)},
        "$defs": {**definitions, **_written(definitions)},
    }


def _sections(own: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the sections whose YAML form differs from the models'."""
    variants = {"enum": list(CATALOG)}
    return {
        "variant": {**_one_or_more(variants), **_described(own["variant"])},
        "parameters": {**_nested("parameters", _parameter), **_described(own["parameters"])},
        "training": {**_nested("training", _value), **_described(own["training"])},
        "objectives": {
            **_of_metrics({"anyOf": [_DIRECTION, {"$ref": "#/$defs/Objective"}]}),
            **_described(own["objectives"]),
        },
        "constraints": {
            **_of_metrics({"$ref": "#/$defs/Bound"}),
            **_described(own["constraints"]),
        },
    }


def _written(definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the models whose YAML form differs from their own, and their references."""
    written = {
        name: _with(definitions[name], when={"$ref": "#/$defs/Condition"})
        for name in ("FloatRange", "IntRange", "Choice", "Constant")
    }
    for name in ("Objective", "Bound"):
        own = {k: v for k, v in definitions[name]["properties"].items() if k != "metric"}
        written[name] = {**definitions[name], "properties": own, "required": []}
    budget = definitions["Budget"]["properties"]
    count = {"type": "integer", "minimum": 0, "maximum": 10}
    duration = {"type": "string", "pattern": r"^(?=.)(\d+h)?(\d+m)?(\d+s)?$"}
    written["Budget"] = _with(
        definitions["Budget"],
        rungs={"anyOf": [_bare(budget["rungs"]), count], **_described(budget["rungs"])},
        wall_clock={
            "anyOf": [{"type": "number", "exclusiveMinimum": 0}, duration],
            **_described(budget["wall_clock"]),
        },
    )
    quality = [metric.name for metric in METRICS.values() if metric.kind == "quality"]
    metrics = definitions["EvaluationConfig"]["properties"]["metrics"]
    written["EvaluationConfig"] = _with(
        definitions["EvaluationConfig"], metrics={**metrics, "items": {"enum": quality}}
    )
    written["Condition"] = {
        "type": "object",
        "description": "Other parameters and their values for which this one is sampled.",
        "propertyNames": {"enum": ["variant", *_specs()]},
        "additionalProperties": _one_or_more(_SCALAR),
    }
    return written


def _specs() -> dict[str, dict[str, ParameterSpec]]:
    """Return every parameter by name and variant."""
    named: dict[str, dict[str, ParameterSpec]] = {}
    for variant in CATALOG:
        for name, spec in specs_of(variant).items():
            named.setdefault(name, {})[variant] = spec
    return named


def _nested(section: str, form: Callable[[Mapping[str, ParameterSpec]], Schema]) -> Schema:
    """Return the schema of a mapping of parameters: dotted or nested, shared or per variant."""
    shared = {name: form(takers) for name, takers in _specs().items()}
    own = {
        variant: {**_object(_referring(section, takes(variant))), "description": _own(variant)}
        for variant in CATALOG
    }
    return _object({**_referring(section, shared), **shared, **own})


def _own(variant: str) -> str:
    return f"Entries for {variant} alone; each overrides the shared entry of the same name."


def _referring(section: str, names: Iterable[str]) -> dict[str, Schema]:
    """Return parameters and their groups as references to the section's dotted ones."""
    form = {name: {"$ref": f"#/properties/{section}/properties/{name}"} for name in sorted(names)}
    grouped: dict[str, dict[str, Schema]] = {}
    for name, reference in form.items():
        group, _, member = name.rpartition(".")
        if group:
            grouped.setdefault(group, {})[member] = reference
    return {**form, **{group: _object(within) for group, within in grouped.items()}}


def _value(takers: Mapping[str, ParameterSpec]) -> Schema:
    return {**_any_of(_branches(takers)), "description": _summary(takers)}


def _parameter(takers: Mapping[str, ParameterSpec]) -> Schema:
    branches = _branches(takers)
    choice = {"type": "array", "items": _any_of(branches), "minItems": 1, "uniqueItems": True}
    kinds = [k for k in _FORMS if any(spec.accepts(k) for spec in takers.values())]
    names = [*(_FORMS[kind] for kind in kinds), "Choice", "Constant"]
    forms = [choice, *({"$ref": f"#/$defs/{name}"} for name in names)]
    return {"anyOf": [*branches, *forms], "description": _summary(takers)}


def _branches(takers: Mapping[str, ParameterSpec]) -> list[Schema]:
    branches = [dict(branch) for spec in takers.values() for branch in spec.branches]
    return [b for i, b in enumerate(branches) if b not in branches[:i]]


def _any_of(branches: list[Schema]) -> Schema:
    return branches[0] if len(branches) == 1 else {"anyOf": branches}


def _summary(takers: Mapping[str, ParameterSpec]) -> str:
    """Return the parameter's description and defaults, which editors show on hover."""
    summaries = dict.fromkeys(_plain(spec.summary) for spec in takers.values())
    defaults = (f"{spec.default} ({variant})" for variant, spec in takers.items())
    return f"{' '.join(summaries)} Default: {', '.join(defaults)}."


def _of_metrics(form: Schema) -> Schema:
    return _object(
        {
            metric.name: {**form, "description": f"{metric.summary} [{metric.unit or '1'}]"}
            for metric in METRICS.values()
        }
    )


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": dict(properties)}


def _one_or_more(item: Schema) -> Schema:
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1, "uniqueItems": True}]}


def _with(definition: Schema, **properties: Schema) -> Schema:
    return {**definition, "properties": {**definition["properties"], **properties}}


def _described(field: Schema) -> Schema:
    return {"description": field["description"]} if "description" in field else {}


def _bare(field: Schema) -> Schema:
    return {k: v for k, v in field.items() if k not in ("description", "default")}


def _tidy(schema: Any) -> Any:
    """Remove titles, which repeat the keys, and defaults that are whole sections."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {key: _tidy(value) for key, value in schema.items() if not _is_noise(key, value)}
    if isinstance(tidy.get("description"), str):
        tidy["description"] = _plain(tidy["description"])
    return tidy


def _is_noise(key: str, value: Any) -> bool:
    return (key == "title" and isinstance(value, str)) or (
        key == "default" and isinstance(value, dict | list)
    )


def _plain(text: str) -> str:
    """Join the lines of a docstring; each item of a list keeps a line of its own."""
    items = re.split(r"\n\s*(?=- )", text.replace("``", "`"))
    return "\n".join(" ".join(item.split()) for item in items)


def to_text(schema: Mapping[str, Any]) -> str:
    """Serialise ``schema`` in the form of the shipped file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(to_text(json_schema()))
