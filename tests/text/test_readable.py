"""Numbers in readable form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.text.readable import number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (6361.4, "6361"),
        (123456.7, "123457"),
        (0.3891234, "0.3891"),
        (0.00012345, "0.0001234"),
        (0.000012345, "1.234e-05"),
        (9.99996, "10"),
        (99999.6, "100000"),
        (1.5e9, "1500000000"),
        (1.5e12, "1.5e+12"),
        (3.0, "3"),
        (100.0, "100"),
        (0.0, "0"),
        (-12.3456, "-12.35"),
        (float("inf"), "inf"),
        (1000000, "1000000"),
        (True, "True"),
        ("both", "both"),
        (None, ""),
    ],
)
def test_a_number_has_four_digits_and_rarely_an_exponent(value: object, text: str) -> None:
    assert number(value) == text  # type: ignore[arg-type]


@given(st.floats(1e-4, 9e8), st.integers(2, 6))
def test_the_text_is_the_value_to_the_given_digits(value: float, digits: int) -> None:
    text = number(value, digits)
    assert "e" not in text
    assert float(text) == pytest.approx(value, rel=0.5001 * 10.0 ** (1 - digits))
