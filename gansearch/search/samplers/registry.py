"""The samplers by their name in a space."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gansearch.search.bayesian.model import SharedModel
from gansearch.search.samplers.base import Sampler
from gansearch.search.samplers.ehvi import EhviSampler
from gansearch.search.samplers.grid import GridSampler
from gansearch.search.samplers.optuna import OptunaSampler, nsga2, random, tpe
from gansearch.search.samplers.pbt import PbtSampler
from gansearch.space import Space

SAMPLERS: Mapping[str, Callable[[Space, SharedModel], Sampler]] = {
    "ehvi": lambda space, shared: EhviSampler(space, shared.get()),
    "tpe": lambda space, _: OptunaSampler(space, tpe),
    "nsga2": lambda space, _: OptunaSampler(space, nsga2),
    "random": lambda space, _: OptunaSampler(space, random, learns=False),
    "grid": lambda space, _: GridSampler(space),
    "pbt": lambda space, _: PbtSampler(space),
}
"""Each makes a sampler for a space. The second argument is the surrogate that the sampler and the
stopping rule share; it is built only if one of them asks for it."""
