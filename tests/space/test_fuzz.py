"""Whatever a YAML holds, the answer is a space or a :class:`SpaceError`."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from gansearch.errors import SpaceError
from gansearch.space import parse_space
from gansearch.space.table import render
from gansearch.study.availability import check_available

SPACES = {path.stem: path.read_text() for path in Path("search_spaces").glob("*.yaml")}
TREES = {name: YAML(typ="safe", pure=True).load(text) for name, text in SPACES.items()}

NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([2**63 - 1, 2**63, -(2**63), 10**400, 0, -1]),
    st.floats(),
)
WORDS = st.sampled_from(
    [
        *("DCGAN", "yes", "no", "1e-4", "1,000", "10k", "1/0", "2 hours", "1:30:00", "", " ", "."),
        *("a.b", "auto", "variant", "dsc", "dsc.where", "fid", "minimize", "~", "<<", "é", "1_000"),
        "\ud800",
    ]
)
KEYS = st.one_of(
    WORDS,
    st.sampled_from(["type", "low", "high", "log", "step", "values", "value", "when", "min"]),
    st.sampled_from(["distribution", "bounds", "name", "resolution", "rungs", "seed", "metric"]),
    st.sampled_from([key for tree in TREES.values() for key in tree]),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS, st.text(max_size=5))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every mapping or list with every key or index of it."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        yield tree, key
        if isinstance(value, dict | list):
            yield from places(value)


def written(value: Any) -> str:
    """A value as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(str(k))}: {written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, str):
        escaped = "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in value)
        return f'"{escaped}"'
    if isinstance(value, float):
        return {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}.get(repr(value), repr(value))
    return (
        {None: "null", True: "true", False: "false"}[value]
        if (value is None or isinstance(value, bool))
        else str(value)
    )


def answered(text: str) -> None:
    with suppress(SpaceError):
        space = parse_space(text, "x.yaml")
        render(space)
        check_available(space)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gansearch.study.availability._reached", lambda _: True)


fuzz = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@fuzz
@given(st.data())
def test_a_wrong_value_or_key_anywhere(data: st.DataObject) -> None:
    tree = copy.deepcopy(TREES[data.draw(st.sampled_from(sorted(TREES)))])
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(list(places(tree))))
        change = data.draw(st.sampled_from(["value", "key", "drop"]))
        if change == "value":
            holder[key] = data.draw(VALUES)
        elif change == "key" and isinstance(holder, dict):
            holder[data.draw(KEYS)] = holder.pop(key)
        elif len(tree) > 1:
            del holder[key]
    answered(written(tree))


@fuzz
@given(st.data())
def test_a_text_that_was_cut_or_mistyped(data: st.DataObject) -> None:
    text = SPACES[data.draw(st.sampled_from(sorted(SPACES)))]
    start = data.draw(st.integers(0, len(text)))
    end = start + data.draw(st.integers(0, 12))
    inserted = data.draw(st.text("\t\n {}[]:,-&*!|>'\"#%@`?~.<0aé\x00\ud800", max_size=6))
    answered(text[:start] + inserted + text[end:])


@fuzz
@given(VALUES)
def test_anything_for_a_space(value: Any) -> None:
    answered(written(value))


ENTRIES = st.sampled_from(
    ["variant", "parameters", "training", "objectives", "constraints", "budget", "data", "search",
     "evaluation", "resources", "tracking", "dcgan", "gan", "g_lr", "dsc", "dsc.where", "when",
     "type", "float", "choice", "values", "low", "high", "fd_digits", "max", "rungs", "trials",
     "name", "digits", "", "<<", "metric", "text", "file", "gan.g_lr", "dcgan.dsc", "."]
)  # fmt: skip
PLAIN = ENTRIES | st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2)
MAPPINGS = st.recursive(
    PLAIN, lambda t: st.lists(t, max_size=3) | st.dictionaries(ENTRIES, t, max_size=4)
)


@given(st.dictionaries(ENTRIES, MAPPINGS, max_size=8))
def test_whatever_is_written_is_a_space_or_a_space_error(tree: dict[str, Any]) -> None:
    with suppress(SpaceError):
        parse_space(json.dumps({"variant": "dcgan", "parameters": {"g_lr": 1e-4}, **tree}), "any")


@given(st.text(alphabet="ab:-[]{}#&*!|>'\"%@`,?\n\t 01.~<", max_size=60))
def test_any_text_is_a_space_or_a_space_error(text: str) -> None:
    with suppress(SpaceError):
        parse_space(text, "any")
