"""Numbers as people read them: so many significant digits, and no exponent where none is needed."""

from __future__ import annotations

import math

PLAIN = (1e-4, 1e12)
"""From and below which sizes a number is written without an exponent."""


def number(value: float | str | bool | None, digits: int = 4) -> str:
    """A value in few characters; nothing for what is not there.

    Args:
        value: a float is rounded; anything else is written as it is.
        digits: significant ones, of a float. Digits before the point are never rounded away.
    """
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    rounded = float(f"{value:.{digits - 1}e}")
    if not PLAIN[0] <= abs(rounded) < PLAIN[1]:
        return f"{value:.{digits}g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
