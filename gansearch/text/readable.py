"""Numbers in readable form: significant digits, and an exponent only if needed."""

from __future__ import annotations

import math

PLAIN_RANGE = (1e-4, 1e12)
"""Range of magnitudes that are written without an exponent."""


def number(value: float | str | bool | None, digits: int = 4) -> str:
    """Format a value in few characters; empty for ``None``.

    Args:
        value: value to format; only floats are rounded.
        digits: significant digits of a float. Digits before the point are never rounded away.
    """
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    rounded = float(f"{value:.{digits - 1}e}")
    if not PLAIN_RANGE[0] <= abs(rounded) < PLAIN_RANGE[1]:
        return f"{value:.{digits}g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
