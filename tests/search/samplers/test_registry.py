"""The samplers that a space can name."""

from __future__ import annotations

from typing import get_args

from gansearch.search.samplers.registry import SAMPLERS
from gansearch.space import SearchConfig


def test_spaces_offer_the_registered_samplers() -> None:
    assert set(SAMPLERS) == set(get_args(SearchConfig.model_fields["sampler"].annotation))
