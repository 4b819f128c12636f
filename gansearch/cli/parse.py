"""Parsing of option values."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence

from gansearch.errors import UsageError
from gansearch.settings import Scalar
from gansearch.space import Bound


def bounds(at_least: Sequence[str], at_most: Sequence[str]) -> list[Bound]:
    """Parse ``--min METRIC=VALUE`` and ``--max METRIC=VALUE``.

    Raises:
        UsageError: a text is not of that form.
    """
    lows, highs = numbers("--min", at_least), numbers("--max", at_most)
    return [
        *(Bound(metric=metric, min=value) for metric, value in lows.items()),
        *(Bound(metric=metric, max=value) for metric, value in highs.items()),
    ]


def numbers(option: str, texts: Sequence[str]) -> dict[str, float]:
    """``["fid=20", "gmacs=1e1"]`` → ``{"fid": 20.0, "gmacs": 10.0}``.

    Raises:
        UsageError: a text is not of that form, or a number is not finite.
    """
    values = {}
    for text, metric, number in _split(texts):
        try:
            values[metric] = float(number)
        except ValueError:
            values[metric] = math.nan
        if not math.isfinite(values[metric]):
            raise UsageError(
                f"{option} {text}: should be a metric and a number that is finite, "
                f"such as {option} fid=20"
            )
    return values


def assignments(option: str, texts: Sequence[str]) -> dict[str, str]:
    """``["dsc.where=none"]`` → ``{"dsc.where": "none"}``.

    Raises:
        UsageError: a text is not of that form.
    """
    values = {}
    for text, name, value in _split(texts):
        if not (name and value):
            raise UsageError(
                f"{option} {text}: should be a parameter and its value, such as "
                f"{option} dsc.where=none"
            )
        values[name] = value
    return values


def scalars(option: str, texts: Sequence[str]) -> dict[str, Scalar]:
    """``["d_steps=2", "dsc.where=both"]`` → ``{"d_steps": 2, "dsc.where": "both"}``.

    Raises:
        UsageError: a text is not of that form.
    """
    return {name: _scalar(value) for name, value in assignments(option, texts).items()}


def _scalar(text: str) -> Scalar:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text


def _split(texts: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    for text in texts:
        name, _, value = text.partition("=")
        yield text, name, value
