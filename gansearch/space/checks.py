"""What a space means, checked against the catalogs: one small function a rule.

Each rule yields where in the YAML something is wrong, and what. It sees what is left of a space
after all that has a wrong structure was taken out, and says nothing of what it cannot know.
"""

from __future__ import annotations

from collections.abc import Iterator

from gansearch.config import Params
from gansearch.errors import ConfigError
from gansearch.space import rules_of_parameters as parameters
from gansearch.space import rules_of_study as study
from gansearch.space.draft import Draft, Finding, Rule
from gansearch.space.models import Space

RULES: tuple[Rule, ...] = (
    study.variants,
    study.data_suits,
    parameters.taken,
    parameters.fitting,
    parameters.training_fits,
    parameters.searched_or_fixed,
    parameters.conditions,
    parameters.acyclic,
    study.metrics,
    study.directions,
    study.bounds,
    study.listed_once,
    study.has_quality,
    study.rungs,
    study.compute,
    study.seeds,
    study.grid,
    study.replicates,
    study.warm_start,
    study.population,
)


def check(draft: Draft) -> list[Finding]:
    """Everything that the rules find; where they find nothing, what does not build."""
    findings = [finding for rule in RULES for finding in rule(draft)]
    if not findings and not draft.broken:
        findings = list(_first_trials(draft.space)) or list(_around_them(draft.space))
    return findings


def _first_trials(space: Space) -> Iterator[Finding]:
    for params in space.defaults():
        if problem := _problem(space, params):
            yield (
                ("parameters",),
                f"the first trial of {params['variant']} does not build: {problem}",
            )


def _around_them(space: Space) -> Iterator[Finding]:
    """Values that do not go with the rest of a first trial: all are tried, one at a time."""
    for variant, names in space.searched.items():
        for name, key in names.items():
            for part, value in parameters.values(space.parameters[key]).items():
                if problem := _problem(space, space.nearest(variant, {name: value})):
                    yield ("parameters", key, part), f"does not go with the rest: {problem}"


def _problem(space: Space, params: Params) -> str:
    try:
        space.train_config(params, space.search.seed)
    except ConfigError as error:
        return str(error)
    return ""
