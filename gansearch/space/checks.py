"""Check the meaning of a space against the catalogs, with one small function per rule.

A rule yields the position in the YAML and the error. It sees only the well-formed part of a space
and reports nothing that it cannot know.
"""

from __future__ import annotations

from collections.abc import Iterator

from gansearch.errors import ConfigError
from gansearch.settings import Params
from gansearch.space import rules_of_parameters as parameters
from gansearch.space import rules_of_study as study
from gansearch.space.draft import Draft, Finding, Rule
from gansearch.space.space import Space

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
    """Return all findings of the rules; if there are none, the combinations that do not build."""
    findings = [finding for rule in RULES for finding in rule(draft)]
    if not findings and not draft.broken:
        findings = list(_first_trials(draft.space)) or list(_around_them(draft.space))
    return findings


def _first_trials(space: Space) -> Iterator[Finding]:
    for params in space.defaults():
        if error := _build_error(space, params):
            yield (
                ("parameters",),
                f"the first trial of {params['variant']} does not build: {error}",
            )


def _around_them(space: Space) -> Iterator[Finding]:
    """Yield values that are invalid beside the rest of a first trial; each is tried alone."""
    for variant, names in space.searched.items():
        for name, key in names.items():
            for part, value in parameters.values(space.parameters[key]).items():
                if error := _build_error(space, space.nearest(variant, {name: value})):
                    yield ("parameters", key, part), f"does not go with the rest: {error}"


def _build_error(space: Space, params: Params) -> str:
    try:
        space.settings_of(params)
    except ConfigError as error:
        return str(error)
    return ""
