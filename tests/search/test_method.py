"""A sampler and a stopping rule over one shared surrogate."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from gansearch.search.method import SearchMethod
from gansearch.search.samplers.registry import SAMPLERS
from gansearch.search.stopping.registry import STOPPING_RULES
from gansearch.space import Space

METHODS = [
    (sampler, rule)
    for sampler, rule in product(SAMPLERS, STOPPING_RULES)
    if sampler not in ("grid", "pbt")  # they need another space
]


@pytest.mark.parametrize(("sampler", "rule"), METHODS)
def test_the_surrogate_observes_before_the_sampler_and_only_where_one_is_used(
    sampler: str, rule: str, make_space: Callable[..., Space]
) -> None:
    method = SearchMethod(make_space(sampler=sampler, stopping=rule))
    assert method.observers[-1] is method.sampler
    assert len(method.observers) == (2 if "ehvi" in (sampler, rule) else 1)


def test_sampler_and_rule_share_one_surrogate(make_space: Callable[..., Space]) -> None:
    method = SearchMethod(make_space(sampler="ehvi", stopping="ehvi"))
    model, _ = method.observers
    assert vars(method.sampler)["_model"] is vars(method.stopping)["_model"] is model
