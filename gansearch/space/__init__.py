"""Search spaces: a YAML file to a validated :class:`Space`."""

from gansearch.space.load import load_space, parse_space
from gansearch.space.parameters import Choice, Constant, FloatRange, IntRange, Parameter, Trial
from gansearch.space.sections import (
    Bound,
    Budget,
    Objective,
    Resources,
    SearchConfig,
    TrackingConfig,
)
from gansearch.space.space import Space

__all__ = [
    "Bound",
    "Budget",
    "Choice",
    "Constant",
    "FloatRange",
    "IntRange",
    "Objective",
    "Parameter",
    "Resources",
    "SearchConfig",
    "Space",
    "TrackingConfig",
    "Trial",
    "load_space",
    "parse_space",
]
