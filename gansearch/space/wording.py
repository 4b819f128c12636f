"""How problems are put: an error as a sentence, the value shown, the name that was meant."""

from __future__ import annotations

import difflib
import json
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 3, 80, 80

_MESSAGES = {
    "missing": "is required",
    "model_type": "should be a mapping of keys to values",
    "dict_type": "should be a mapping of keys to values",
    "tuple_type": "should be a list",
    "union_tag_not_found": "needs a type: float, int, choice or constant",
}


def shown(value: Any) -> str:
    """``value`` as a YAML would have it, cut where it is long."""
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return _SHORT.repr(value)


def listed(names: Iterable[object]) -> str:
    """``a, b, c``."""
    return ", ".join(map(str, names))


def meant(name: object, known: Iterable[object]) -> str:
    """``; did you mean 'x'?`` where one of ``known`` is close to ``name``, else nothing."""
    close = difflib.get_close_matches(str(name), list(map(str, known)), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def unknown(what: str, name: object, known: Iterable[object]) -> str:
    """``'x' is not a <what>; did you mean 'y'? Known: ...``."""
    known = sorted(map(str, known))
    hint = meant(name, known) or ";"
    return f"{name!r} is not a {what}{hint} known: {listed(known)}"


def in_words(error: Mapping[str, Any]) -> str:
    """One of pydantic's error dictionaries as what is wrong, what would be right, and the value."""
    kind, value = error["type"], error["input"]
    if kind == "union_tag_invalid":
        tags = error["ctx"]["expected_tags"].replace("'", "").split(", ")
        return unknown("type of parameter", error["ctx"]["tag"], tags)
    message = _MESSAGES.get(kind) or _plain(error["msg"])
    if kind == "literal_error":
        message += meant(value, error["ctx"]["expected"].replace("'", "").split(", "))
    if kind == "missing" or (kind == "value_error" and isinstance(value, dict)):
        return message  # nothing was given, or the message has the values that matter
    return f"{message} (got {shown(value)})"


def _plain(message: str) -> str:
    for prefix in ("Value error, ", "Input "):
        message = message.removeprefix(prefix)
    return message
