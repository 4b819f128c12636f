"""Settings: live or fixed, flat or nested, and DSC's resolutions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from gansearch.settings import (
    Dsc,
    Fixed,
    Live,
    Model,
    Reading,
    Scalar,
    Settings,
    can_change,
    field_docstrings,
    flatten,
    nest,
)


class Marked(Settings):
    rate: Live[float] = Field(default=0.5, gt=0)
    """The rate."""
    width: Fixed[int] = 3
    # A comment is no docstring.
    depth: Fixed[int] = 2


class Narrow(Marked):
    rate: Live[float] = 0.25
    width: Fixed[int] = 1
    """The narrow width."""


def test_live_settings_are_the_marked_ones() -> None:
    assert Marked.live() == Narrow.live() == {"rate"}
    assert Settings.live() == frozenset()


def test_a_setting_must_be_live_or_fixed() -> None:
    with pytest.raises(TypeError, match=r"Forgotten.width should be Live\[...\] if"):
        type("Forgotten", (Settings,), {"__annotations__": {"width": int}, "width": 3})


def test_every_setting_of_the_base_class_is_fixed() -> None:
    assert all(Reading.CONSTRUCTION in f.metadata for f in Settings.model_fields.values())


def test_docstrings_of_fields_are_inherited_and_overridden() -> None:
    texts = field_docstrings(Narrow)
    assert texts["rate"] == "The rate."
    assert texts["width"] == "The narrow width."
    assert texts["batch_size"] == "Real images per step."
    assert "depth" not in texts
    properties = Narrow.model_json_schema()["properties"]
    assert properties["width"]["description"] == "The narrow width."
    assert "description" not in properties["depth"]


@pytest.mark.parametrize(
    ("before", "after", "possible"),
    [
        (0.1, 0.2, True),
        (1, 2, True),
        (0.1, 0, False),
        (0, 0.1, False),
        (1, "adaptive", False),
        ("adaptive", 1, False),
        (True, 2, False),
    ],
)
def test_a_number_can_follow_a_number_but_for_zero(
    before: Scalar, after: Scalar, possible: bool
) -> None:
    assert can_change(before, after) is possible


def test_models_are_frozen_finite_and_strict_about_keys() -> None:
    class Point(Model):
        x: float

    with pytest.raises(ValidationError, match="finite"):
        Point(x=float("nan"))
    with pytest.raises(ValidationError, match="Extra"):
        Point(x=1, y=2)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="frozen"):
        Point(x=1).x = 2


@pytest.mark.parametrize(
    ("resolutions", "at"),
    [
        ("all", {4, 8, 16, 32, 64, 128}),
        ("low", {4, 8, 16, 32}),
        ("high", {64, 128}),
        ("8-16", {8, 16}),
    ],
)
def test_dsc_applies_at_its_resolutions_of_its_networks(resolutions: str, at: set[int]) -> None:
    dsc = Dsc(where="generator", resolutions=resolutions)
    sides = (4, 8, 16, 32, 64, 128)
    assert {side for side in sides if dsc.applies("generator", side)} == at
    assert not any(dsc.applies("discriminator", side) for side in sides)


NAMES = st.from_regex(r"[a-z]{1,3}", fullmatch=True)
VALUES = st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES, min_size=1), NAMES)
def test_nest_and_flatten_are_inverse(
    plain: dict[str, Scalar], group: dict[str, Scalar], name: str
) -> None:
    nested: dict[str, Any] = {**plain, name: group}
    assert nest(flatten(nested)) == nested
    flat = flatten(nested)
    assert flatten(nest(flat)) == flat
