"""The stopping rules that a space can name."""

from __future__ import annotations

from typing import get_args

from gansearch.search.stopping.registry import STOPPING_RULES
from gansearch.space import SearchConfig


def test_spaces_offer_the_registered_rules() -> None:
    assert set(STOPPING_RULES) == set(get_args(SearchConfig.model_fields["stopping"].annotation))
