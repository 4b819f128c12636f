"""Guesses at the intended value for a value that a space does not accept."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from gansearch.settings import LARGEST

_YES, _NO = ("yes", "on", "y", "true", "1"), ("no", "off", "n", "false", "0")
_THOUSANDS = {"k": 1e3, "m": 1e6}
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_SYNONYMS = {
    "low": ("low", "min", "lower", "minimum", "start"),
    "high": ("high", "max", "upper", "maximum", "stop"),
    "values": ("values", "choices", "options", "categories"),
    "value": ("value",),
    "step": ("step", "q"),
    "type": ("type", "distribution"),
}
"""Keys of a parameter, with their names in other tools."""

FOREIGN = {word for words in _SYNONYMS.values() for word in words} - _SYNONYMS.keys() | {"bounds"}
"""Keys that identify another tool's form of a parameter."""


def boolean(value: Any) -> str:
    """Return ``; write true`` or ``; write false`` for a word of that meaning, else nothing."""
    word = str(value).lower()
    return "; write true" if word in _YES else "; write false" if word in _NO else ""


def number(value: Any, *, whole: bool) -> str:
    """Return a hint for a number that is not written as one, or nothing.

    Args:
        value: the value as given.
        whole: whether an integer is required.
    """
    read = _read(value)
    if read is None or not abs(read) <= LARGEST or (whole and read != int(read)):
        return ""
    if isinstance(value, str) and (value.isdecimal() or (not whole and _float(value) is not None)):
        return f"; remove the quotes: {value}"
    return f"; write {int(read) if read == int(read) else read}"


def _read(value: Any) -> float | None:
    if isinstance(value, float):
        return value
    if not isinstance(value, str):
        return None
    text = value.strip().lower()
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d*)?", text):
        text = text.replace(",", "")
    if match := re.fullmatch(r"([\d.]+)\s*([km/])\s*([\d.]*)", text):
        first, sign, second = match.groups()
        top, bottom = _float(first), _float(second)
        if sign == "/":
            return top / bottom if top is not None and bottom else None
        return None if top is None or second else top * _THOUSANDS[sign]
    return _float(text.replace(",", "."))


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def time(text: str) -> str:
    """Return ``; write 2h`` for a time in another notation, such as ``2 hours``, else nothing."""
    if _float(text) is not None:
        return "; remove the quotes for seconds, or write the unit"
    clock = re.fullmatch(r"(\d+):(\d\d):(\d\d)", text)
    if clock:
        parts = list(zip(map(float, clock.groups()), (3600, 60, 1), strict=True))
    else:
        tokens = r"([\d.]+)\s*(d|h|m|s)[a-z]*[\s,]*(?:and\s+)?"
        if not re.fullmatch(f"(?:{tokens})+", text.strip().lower()):
            return ""
        found = re.findall(tokens, text.strip().lower())
        parts = [(_float(amount) or 0.0, _UNITS[unit]) for amount, unit in found]
    seconds = round(sum(amount * unit for amount, unit in parts))
    hours, rest = divmod(seconds, 3600)
    pieces = zip((hours, *divmod(rest, 60)), "hms", strict=True)
    written = "".join(f"{amount}{unit}" for amount, unit in pieces if amount)
    return f"; write {written}" if written else ""


def parameter(spec: Mapping[str, Any]) -> str | None:
    """Rewrite another tool's parameter (W&B, Ray Tune, Optuna, Ax) in the form of a space."""
    given = {key: spec[word] for key, words in _SYNONYMS.items() for word in words if word in spec}
    kind = str(given.get("type", "")).lower()
    if isinstance(spec.get("bounds"), Sequence) and len(spec["bounds"]) == 2:
        given["low"], given["high"] = spec["bounds"]
    if isinstance(given.get("values"), list):
        return f"[{', '.join(map(_plain, given['values']))}]"
    if "value" in given:
        return _plain(given["value"])
    ends: list[Any] = [given.get("low"), given.get("high")]
    if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends):
        return None
    if kind in ("log_uniform", "log_normal"):  # W&B's bounds are exponents.
        ends = [float(f"{math.exp(min(end, 700)):.3g}") for end in ends]
    is_whole = all(isinstance(end, int) for end in ends) and "float" not in kind
    fields: dict[str, Any] = {"type": "int" if is_whole else "float"}
    fields |= {"low": ends[0], "high": ends[1]}
    if "log" in kind or spec.get("log") is True:
        fields["log"] = True
    elif "step" in given:
        fields["step"] = given["step"]
    return "{" + ", ".join(f"{key}: {_plain(value)}" for key, value in fields.items()) + "}"


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
