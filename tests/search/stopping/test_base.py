"""The interface that every registered stopping rule has."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest

from gansearch.search.method import SearchMethod
from gansearch.search.stopping.base import StoppingRule
from gansearch.search.stopping.registry import STOPPING_RULES
from gansearch.space import Space


@pytest.mark.parametrize("name", STOPPING_RULES)
@pytest.mark.parametrize("method", ["reason_to_stop", "restore"])
def test_a_rule_takes_what_the_policy_gives(
    name: str, method: str, make_space: Callable[..., Space]
) -> None:
    rule = SearchMethod(make_space(stopping=name)).stopping
    found = inspect.signature(getattr(type(rule), method)).parameters
    assert list(found) == list(inspect.signature(getattr(StoppingRule, method)).parameters)
