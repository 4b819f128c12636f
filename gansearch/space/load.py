"""Load a YAML file as a checked space: read, expand the shorthand, validate, check the meaning.

Each step reports as many errors as it can, so one run finds all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from gansearch.errors import InvalidEntry, SpaceError
from gansearch.metrics.catalog import RENAMED, with_current_names
from gansearch.space.checks import check
from gansearch.space.draft import Draft, Finding
from gansearch.space.forms import expand
from gansearch.space.older import renewed
from gansearch.space.parameters import Parameter
from gansearch.space.scope import members
from gansearch.space.space import Space
from gansearch.space.specs import takers
from gansearch.space.wording import in_words, unknown
from gansearch.space.yaml import MOST_BYTES, Document, read_yaml

NOT_IN_YAML = ("text", "file")
"""Fields that record the origin of a space."""
_SECTIONS = ("data", "evaluation", "budget", "resources", "compute", "search", "tracking")
_BY_TAG = {
    get_args(form.model_fields["type"].annotation)[0]: form
    for form in get_args(get_args(Parameter)[0])
}


def load_space(path: str | Path) -> Space:
    """Load the space in the YAML file at ``path``.

    Raises:
        SpaceError: the file has errors; each is listed with line, key and value.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(4 * MOST_BYTES)  # up to four bytes per character
    except OSError as error:
        raise SpaceError(
            path, [InvalidEntry("", None, f"cannot be read: {error.strerror}")]
        ) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8 text: byte {data[error.start]:#04x}; save the file as UTF-8"
        raise SpaceError(path, [InvalidEntry("", line, message)]) from None
    return parse_space(text, path)


def parse_space(text: str, file: str | Path, *, on_record: bool = False) -> Space:
    """Parse the space in the YAML ``text``.

    Args:
        text: the YAML.
        file: name of the file in error messages.
        on_record: whether a study on record has this space. Names of earlier versions are then
            read, with a warning.

    Raises:
        SpaceError: the text has errors; each is listed with line, key and value.
    """
    file = Path(file)
    document = _with_current_metrics(read_yaml(text, file))
    full, findings = expand(document.root.value, file)
    if on_record:
        full = renewed(full)
    space, broken, structural = _validate(full)
    broken |= {".".join(map(str, path)) for path, _ in findings}
    findings += structural
    if space is not None:
        findings += check(Draft(space, broken, on_record))
    invalid = list(document.invalid)
    malformed = {entry.key for entry in invalid}  # other findings on them mean nothing
    found = (document.invalid_entry(*finding) for finding in findings)
    invalid += [entry for entry in found if entry.key not in malformed]
    if invalid or space is None:
        raise SpaceError(file, list(dict.fromkeys(invalid)))
    return space.model_copy(update={"text": text, "file": str(file)})


def _with_current_metrics(document: Document) -> Document:
    """Replace the keys of bounds that are metrics' names of earlier versions by current names."""
    value, children = dict(document.root.value), dict(document.root.children)
    invalid = list(document.invalid)
    for section in ("objectives", "constraints"):
        if not isinstance(value.get(section), dict):
            continue
        line, node = children[section]
        invalid += [
            document.invalid_entry(
                (section, old), f"is now called {new}, which is given too; remove it"
            )
            for old, new in RENAMED.items()
            if {old, new} <= node.value.keys()
        ]
        node = replace(
            node,
            value=with_current_names(node.value),
            children=with_current_names(node.children),
        )
        value[section], children[section] = node.value, (line, node)
    root = replace(document.root, value=value, children=children)
    return replace(document, root=root, invalid=invalid)


def _validate(full: dict[str, Any]) -> tuple[Space | None, frozenset[str], list[Finding]]:
    """Return the space without its malformed parts, their keys and their errors."""
    findings: list[Finding] = [
        ((key,), unknown("key", key, _keys_at(()))) for key in NOT_IN_YAML if key in full
    ]
    full = {key: value for key, value in full.items() if key not in NOT_IN_YAML}
    try:
        return _parsed(full), frozenset(), findings
    except ValidationError as error:
        errors = error.errors()
    findings += [_finding(e, full) for e in errors]
    broken = {_item(e["loc"]) for e in errors}
    try:
        space = _parsed(_without(broken, full))
    except ValidationError:
        space = None
    names = frozenset(".".join(map(str, _named(item, full))) for item in broken)
    return space, names, findings


def _parsed(full: Mapping[str, Any]) -> Space:
    # JSON mode is strict about numbers and text, but accepts a list for a tuple.
    return Space.model_validate_json(json.dumps(full), strict=True, by_alias=True, by_name=False)


def _finding(error: Mapping[str, Any], full: Mapping[str, Any]) -> Finding:
    loc = error["loc"]
    path = _named(loc, full)
    if loc[0] == "parameters" and len(loc) > 2:
        path = (*path[:2], *path[3:])  # The union's tag is not a key.
    if error["type"] == "extra_forbidden":
        place = _place_of(str(loc[-1])) if len(loc) == 1 else ""
        return path, place or unknown("key", loc[-1], _keys_at(loc[:-1]))
    return path, in_words(error)


def _place_of(key: str) -> str:
    """Return the right section for a misplaced top-level key, or nothing."""
    homes = [section for section in _SECTIONS if key in _keys_at((section,))]
    if homes:
        return f"belongs in {' or '.join(homes)}: indent it there"
    if takers(key) or members(key):
        return "is a parameter: indent it under parameters, or under training where it is fixed"
    return ""


def _item(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Return the smallest part of a space that can be omitted if ``loc`` is invalid."""
    return loc[:2] if loc[0] in ("parameters", "objectives", "constraints") else loc[:1]


def _named(loc: tuple[str | int, ...], full: Mapping[str, Any]) -> tuple[str | int, ...]:
    # A YAML maps metrics to bounds; the models have a list.
    if loc[0] in ("objectives", "constraints") and len(loc) > 1:
        return (loc[0], full[str(loc[0])][loc[1]]["metric"], *loc[2:])
    return loc


def _without(broken: set[tuple[str | int, ...]], full: Mapping[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in full.items() if (key,) not in broken}
    for section in ("parameters", "objectives", "constraints"):
        value = rest.get(section)
        if isinstance(value, dict):
            rest[section] = {k: v for k, v in value.items() if (section, k) not in broken}
        elif isinstance(value, list):
            rest[section] = [v for i, v in enumerate(value) if (section, i) not in broken]
    return {"parameters": {}, "objectives": [], "name": "space", **rest}


def _keys_at(loc: tuple[str | int, ...]) -> list[str]:
    """Return the keys that a YAML may have at ``loc``."""
    if not loc:
        return [key for key in Space.model_fields if key not in NOT_IN_YAML]
    model: Any = _BY_TAG[str(loc[2])] if loc[0] == "parameters" else Space
    for key in () if loc[0] == "parameters" else (k for k in loc if isinstance(k, str)):
        model = model.model_fields[key].annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            model = get_args(model)[0]  # A tuple of models, or an optional model.
    return [f.alias or name for name, f in model.model_fields.items() if name != "metric"]
