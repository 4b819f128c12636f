"""Errors as sentences: what is wrong, the value, and what would be right."""

from __future__ import annotations

import pytest

from gansearch.space.wording import in_words, listed, shown, suggestion, unknown


@pytest.mark.parametrize(
    ("value", "text"), [(None, "null"), (True, "true"), (0.5, "0.5"), ("a", "'a'"), ([1], "[1]")]
)
def test_values_are_shown_as_in_a_yaml(value: object, text: str) -> None:
    assert shown(value) == text


def test_long_values_are_shortened() -> None:
    assert len(shown("x" * 10_000)) <= 80
    assert len(shown(list(range(10_000)))) <= 80


@pytest.mark.parametrize(
    ("name", "closest"),
    [
        ("dcgam", "dcgan"),
        ("DCGAN", "dcgan"),
        ("batch-size", "batch_size"),
        ("batch size", "batch_size"),
        ("bat", "batch_size"),  # the beginning of one name
        ("zzz", None),
    ],
)
def test_a_close_name_is_suggested(name: str, closest: str | None) -> None:
    known = ["dcgan", "batch_size", "gan"]
    assert suggestion(name, known) == (f"; did you mean {closest!r}?" if closest else "")


def test_an_unknown_name_comes_with_all_known_ones_where_none_is_close() -> None:
    assert unknown("metric", "zzz", ["b", "a"]) == "'zzz' is not a metric; known: a, b"
    assert "a comma separates entries" in unknown("key", "1", ["low"])
    assert listed(["a", 1]) == "a, 1"


def test_an_error_of_pydantic_becomes_a_message_with_the_value() -> None:
    error = {"type": "missing", "input": {}, "msg": "Field required"}
    assert in_words(error) == "is required"
    error = {"type": "value_error", "input": 12, "msg": "Value error, 12 is not a power of two"}
    assert in_words(error) == "12 is not a power of two"
    error = {"type": "greater_than", "input": 0, "msg": "Input should be greater than 0"}
    assert in_words(error) == "should be greater than 0 (got 0)"
