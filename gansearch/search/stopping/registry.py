"""The stopping rules by their name in a space."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gansearch.search.bayesian.model import SharedModel
from gansearch.search.stopping.asha import Asha
from gansearch.search.stopping.base import StoppingRule
from gansearch.search.stopping.ehvi import EhviRule
from gansearch.search.stopping.never import Never
from gansearch.search.stopping.truncation import Truncation
from gansearch.space import Space

STOPPING_RULES: Mapping[str, Callable[[Space, SharedModel], StoppingRule]] = {
    "ehvi": lambda space, shared: EhviRule(space, shared.get()),
    "asha": lambda space, _: Asha(space),
    "truncation": lambda space, _: Truncation(space),
    "none": lambda *_: Never(),
}
"""Each makes a stopping rule for a space, with the surrogate as in ``samplers/registry.py``."""
