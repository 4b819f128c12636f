"""A YAML file to a checked space: read, write out the shorthand, validate, check the meaning.

Each step reports all that it can, so that one look at a file finds everything wrong with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from gansearch.errors import Problem, SpaceError
from gansearch.space.checks import check
from gansearch.space.draft import Draft, Finding
from gansearch.space.forms import expand
from gansearch.space.knobs import takers
from gansearch.space.models import Space
from gansearch.space.parameters import Parameter
from gansearch.space.scope import members
from gansearch.space.wording import in_words, unknown
from gansearch.space.yaml import MOST_BYTES, read_yaml

NOT_IN_YAML = ("text", "file")
"""Fields of a space that say where it comes from."""
_SECTIONS = ("data", "evaluation", "budget", "resources", "compute", "search", "tracking")
_BY_TAG = {
    get_args(form.model_fields["type"].annotation)[0]: form
    for form in get_args(get_args(Parameter)[0])
}


def load_space(path: str | Path) -> Space:
    """The space in the YAML file at ``path``.

    Raises:
        SpaceError: everything that is wrong with the file, each with its line, key and value.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(4 * MOST_BYTES)  # of characters of up to four bytes; more is refused
    except OSError as error:
        raise SpaceError(path, [Problem("", None, f"cannot be read: {error.strerror}")]) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8 text: byte {data[error.start]:#04x}; save the file as UTF-8"
        raise SpaceError(path, [Problem("", line, message)]) from None
    return parse_space(text, path)


def parse_space(text: str, file: str | Path) -> Space:
    """The space that the YAML ``text`` describes; ``file`` is what errors call it.

    Raises:
        SpaceError: everything that is wrong with the text, each with its line, key and value.
    """
    file = Path(file)
    document = read_yaml(text, file)
    full, findings = expand(document.root.value, file)
    space, broken, structural = _validate(full)
    broken |= {".".join(map(str, path)) for path, _ in findings}
    findings += structural
    if space is not None:
        findings += check(Draft(space, broken))
    problems = list(document.problems)
    malformed = {problem.key for problem in problems}  # what its value is otherwise means nothing
    problems += [p for f in findings if (p := document.problem(*f)).key not in malformed]
    if problems or space is None:
        raise SpaceError(file, list(dict.fromkeys(problems)))
    return space.model_copy(update={"text": text, "file": str(file)})


def _validate(full: dict[str, Any]) -> tuple[Space | None, frozenset[str], list[Finding]]:
    """The space without what is broken in it, the keys of that, and what is wrong with them."""
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
    # As JSON: strict about numbers and text, yet a list may stand for a tuple.
    return Space.model_validate_json(json.dumps(full), strict=True, by_alias=True, by_name=False)


def _finding(error: Mapping[str, Any], full: Mapping[str, Any]) -> Finding:
    loc = error["loc"]
    path = _named(loc, full)
    if loc[0] == "parameters" and len(loc) > 2:
        path = (*path[:2], *path[3:])  # the tag of the union is no key
    if error["type"] == "extra_forbidden":
        place = _place_of(str(loc[-1])) if len(loc) == 1 else ""
        return path, place or unknown("key", loc[-1], _keys_at(loc[:-1]))
    return path, in_words(error)


def _place_of(key: str) -> str:
    """Where a key belongs that stands among the sections, if it belongs anywhere."""
    homes = [section for section in _SECTIONS if key in _keys_at((section,))]
    if homes:
        return f"belongs in {' or '.join(homes)}: indent it there"
    if takers(key) or members(key):
        return "is a parameter: indent it under parameters, or under training where it is fixed"
    return ""


def _item(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The smallest part of a space that can be left out when ``loc`` is wrong."""
    return loc[:2] if loc[0] in ("parameters", "objectives", "constraints") else loc[:1]


def _named(loc: tuple[str | int, ...], full: Mapping[str, Any]) -> tuple[str | int, ...]:
    # A YAML maps metrics to what is wanted of them; the models have a list.
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
    """The keys that a YAML may have at ``loc``."""
    if not loc:
        return [key for key in Space.model_fields if key not in NOT_IN_YAML]
    model: Any = _BY_TAG[str(loc[2])] if loc[0] == "parameters" else Space
    for key in () if loc[0] == "parameters" else (k for k in loc if isinstance(k, str)):
        model = model.model_fields[key].annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            model = get_args(model)[0]  # a tuple of models, or a model that may be missing
    return [f.alias or name for name, f in model.model_fields.items() if name != "metric"]
