"""Wording of errors: sentences, shortened values, suggestions."""

from __future__ import annotations

import difflib
import json
import re
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

from gansearch.space import hints

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 3, 80, 80, 80

_MAPPING = "should be a mapping of keys to values, indented under it"
_MESSAGES = {
    "missing": "is required",
    "model_type": _MAPPING,
    "dict_type": _MAPPING,
    "tuple_type": "should be a list",
    "too_short": "should not be empty",
    "string_pattern_mismatch": "should be letters, digits and any of '._-', no sign first",
    "union_tag_not_found": "needs a type: float, int, choice or constant",
}


def shown(value: Any) -> str:
    """Format ``value`` as in a YAML, shortened if long."""
    if value is None or isinstance(value, bool | float):
        return json.dumps(value)
    return _SHORT.repr(value)


def listed(names: Iterable[object]) -> str:
    """``a, b, c``."""
    return ", ".join(map(str, names))


def suggestion(name: object, known: Iterable[object]) -> str:
    """Return ``; did you mean 'x'?`` if one of ``known`` is close to ``name``, else nothing.

    The comparison ignores case and treats hyphens and spaces as underscores.
    """
    folded, name = {_folded(each): str(each) for each in known}, _folded(name)
    begun = [each for each in folded if len(name) > 2 and each.startswith(name)]
    close = difflib.get_close_matches(name, folded, n=1) or begun * (len(begun) == 1)
    return f"; did you mean {folded[close[0]]!r}?" if close else ""


def _folded(name: object) -> str:
    return str(name).casefold().replace("-", "_").replace(" ", "_")


def unknown(what: str, name: object, known: Iterable[object]) -> str:
    """Return ``'x' is not a <what>`` with a suggestion, or with all known names."""
    known = sorted(map(str, known))
    if str(name).isdecimal():
        return f"{name!r} is not a {what}; a comma separates entries: numbers have a point"
    return f"{name!r} is not a {what}" + (suggestion(name, known) or f"; known: {listed(known)}")


def in_words(error: Mapping[str, Any]) -> str:
    """Convert a pydantic error to a message: the error, the right form and the value."""
    kind, value = error["type"], error["input"]
    if kind == "union_tag_invalid":
        tags = error["ctx"]["expected_tags"].replace("'", "").split(", ")
        return unknown("type of parameter", error["ctx"]["tag"], tags)
    message = _MESSAGES.get(kind) or _plain(error["msg"])
    if kind == "bool_type":
        message = f"should be true or false{hints.boolean(value)}"
    elif kind in ("int_type", "float_type"):
        message += hints.number(value, whole=kind == "int_type")
    elif kind == "literal_error":
        message += suggestion(value, re.findall("'(.*?)'", error["ctx"]["expected"]))
    if kind == "missing" or (kind == "value_error" and _names(message, value)):
        return message
    return f"{message} (got {shown(value)})"


def _names(message: str, value: Any) -> bool:
    # A model's message names the fields; a field's message often has the value.
    return isinstance(value, dict) or shown(value) in message


def _plain(message: str) -> str:
    for prefix in ("Value error, ", "Input "):
        message = message.removeprefix(prefix)
    return message
