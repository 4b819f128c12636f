"""Tables of a space, as printed by ``gansearch check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gansearch.metrics.catalog import METRICS
from gansearch.space.parameters import Choice, Constant, Parameter
from gansearch.space.scope import split
from gansearch.space.sections import Bound, Objective
from gansearch.space.space import Space
from gansearch.space.specs import defaults_of
from gansearch.text.readable import number
from gansearch.text.sheet import Sheet, sheet

if TYPE_CHECKING:
    from rich.console import RenderableType

DIGITS = 12
"""Significant digits of a user's number: all of them."""


def render(space: Space) -> RenderableType:
    """Render parameters, objectives and study settings as tables for rich."""
    from rich.console import Group
    from rich.text import Text

    gap = Text()
    return Group(_parameters(space), gap, _objectives(space), gap, _study(space))


def _parameters(space: Space) -> Sheet:
    rows = [("variant", "choice", ", ".join(space.variant), "", "")]
    for key, parameter in space.parameters.items():
        condition = "; ".join(
            f"{other} is {' or '.join(map(str, values))}"
            for other, values in parameter.when.items()
        )
        paper = _paper("parameters", key, space)
        rows.append((key, parameter.type, _domain(parameter), condition, paper))
    for key, value in space.training.items():
        rows.append((key, "fixed", str(value), "", _paper("training", key, space)))
    return sheet(("parameter", "type", "values", "only when", "paper's"), rows)


def _domain(parameter: Parameter) -> str:
    if isinstance(parameter, Choice | Constant):
        return ", ".join(map(str, parameter.values))
    low, high = (number(float(value), DIGITS) for value in (parameter.low, parameter.high))
    step = f", step {number(float(parameter.step), DIGITS)}" if parameter.step is not None else ""
    return f"{low} to {high}{step}{', log' if parameter.log else ''}"


def _paper(section: str, key: str, space: Space) -> str:
    """Return the paper's defaults, with variant names if the entry does not apply to all alike."""
    owner, name = split(key)
    users = [v for v in space.variant if space.entries(v).get(name) == (section, key)]
    defaults = {variant: defaults_of(variant)[name] for variant in users}
    if owner or (len(set(defaults.values())) == 1 and len(users) == len(space.variant)):
        return str(next(iter(defaults.values())))
    return ", ".join(f"{default} ({variant})" for variant, default in defaults.items())


def _objectives(space: Space) -> Sheet:
    rows = [
        *(_bound_row(objective, objective.direction) for objective in space.objectives),
        *(_bound_row(bound, "within") for bound in space.constraints),
    ]
    return sheet(("metric", "aim", "bounds", "meaning"), rows)


def _bound_row(bound: Objective | Bound, aim: str) -> tuple[str, str, str, str]:
    metric = METRICS[bound.metric]
    limits = {"≥": bound.min, "≤": bound.max}
    text = ", ".join(
        f"{sign} {number(float(limit), DIGITS)}"
        for sign, limit in limits.items()
        if limit is not None
    )
    unit = f" [{metric.unit}]" if metric.unit else ""
    return metric.name, aim, text, f"{metric.summary}{unit}"


def _study(space: Space) -> Sheet:
    budget, search, resources = space.budget, space.search, space.resources
    stopping = ", ".join(f"{kimg:g}" for kimg in budget.rungs) if search.stopping != "none" else ""
    limit = f", at most {budget.wall_clock_s / 60:g} min" if budget.wall_clock_s else ""
    finalists = space.evaluation.finalists
    rows = {
        "data": f"{space.data.name}, {space.data.resolution} px, {space.data.holdout:.0%} held out",
        "budget": f"{budget.trials} trials of {budget.max_kimg:g} kimg{limit}",
        "rungs": f"{search.stopping} at {stopping} kimg"
        if stopping
        else "none: no trial is stopped",
        "sampler": f"{search.sampler}, seed {search.seed}",
        "first trials": f"{len(space.defaults())}: the paper's configuration of each variant"
        + "".join(f", then the front of {name}" for name in search.warm_start),
        "population": f"{search.population} trials from scratch; the others continue good ones"
        if search.population
        else "none: every trial starts from scratch",
        "replicates": f"{search.replicates} trainings of each configuration on the front, "
        "beyond the budget"
        if search.replicates > 1
        else "none",
        "finalists": f"rescored with {finalists.samples:,} images, {finalists.seeds} seeds"
        if finalists
        else "not rescored",
        "resources": f"{resources.summary} per trial",
        "compute": ", ".join(f"{key} {value}" for key, value in space.compute),
    }
    return sheet(("study", space.name), rows.items())
