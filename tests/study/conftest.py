"""Spaces and reports that the tests of a study share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gansearch.space import Space


@pytest.fixture
def make_space() -> Callable[..., Space]:
    """A space over ``gan`` on digits; keyword arguments replace whole sections."""

    def make(**sections: Any) -> Space:
        return Space.model_validate(
            {
                "name": "tiny",
                "variant": ["gan"],
                "parameters": {"g_lr": {"type": "float", "low": 0.01, "high": 0.2, "log": True}},
                "objectives": [
                    {"metric": "fid_digits", "direction": "minimize"},
                    {"metric": "train_seconds", "direction": "minimize"},
                ],
                "budget": {"trials": 4, "max_kimg": 10, "rungs": [2, 5]},
                "search": {"sampler": "random", "stopping": "none"},
                **sections,
            }
        )

    return make
