"""What ``gansearch check`` prints: a space as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gansearch.metrics.catalog import METRICS
from gansearch.space.knobs import defaults_of
from gansearch.space.models import Bound, Objective, Space
from gansearch.space.parameters import Choice, Constant, Parameter
from gansearch.space.scope import split

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


def render(space: Space) -> RenderableType:
    """What is searched, for what, and how much of it, to be printed by rich."""
    from rich.console import Group

    return Group(_parameters(space), _objectives(space), _study(space))


def _parameters(space: Space) -> Table:
    from rich.markup import escape

    table = _table("parameter", "type", "values", "only when", "paper's")
    table.add_row("variant", "choice", ", ".join(space.variant), "", "")
    for key, parameter in space.parameters.items():
        condition = "; ".join(
            f"{other} is {' or '.join(map(str, values))}"
            for other, values in parameter.when.items()
        )
        paper = _paper("parameters", key, space)
        table.add_row(*map(escape, (key, parameter.type, _domain(parameter), condition, paper)))
    for key, value in space.training.items():
        paper = _paper("training", key, space)
        table.add_row(*map(escape, (key, "fixed", str(value), "", paper)))
    return table


def _domain(parameter: Parameter) -> str:
    if isinstance(parameter, Choice | Constant):
        return ", ".join(map(str, parameter.values))
    step = f", step {parameter.step:g}" if parameter.step is not None else ""
    return f"{parameter.low:g} to {parameter.high:g}{step}{', log' if parameter.log else ''}"


def _paper(section: str, key: str, space: Space) -> str:
    """The defaults of the variants that the entry is for, each named where it is not for all."""
    owner, name = split(key)
    users = [v for v in space.variant if space.entries(v).get(name) == (section, key)]
    defaults = {variant: defaults_of(variant)[name] for variant in users}
    if owner or (len(set(defaults.values())) == 1 and len(users) == len(space.variant)):
        return str(next(iter(defaults.values())))
    return ", ".join(f"{default} ({variant})" for variant, default in defaults.items())


def _objectives(space: Space) -> Table:
    table = _table("metric", "aim", "bounds", "meaning")
    for objective in space.objectives:
        table.add_row(*_bound_row(objective, objective.direction))
    for bound in space.constraints:
        table.add_row(*_bound_row(bound, "within"))
    return table


def _bound_row(bound: Objective | Bound, aim: str) -> tuple[str, str, str, str]:
    metric = METRICS[bound.metric]
    limits = {"≥": bound.min, "≤": bound.max}
    text = ", ".join(f"{sign} {limit:g}" for sign, limit in limits.items() if limit is not None)
    unit = f" [{metric.unit}]" if metric.unit else ""
    return metric.name, aim, text, f"{metric.summary}{unit}"


def _study(space: Space) -> Table:
    budget, search, resources = space.budget, space.search, space.resources
    stopping = ", ".join(f"{kimg:g}" for kimg in budget.rungs) if search.stopping != "none" else ""
    limit = f", at most {budget.wall_clock_s / 60:g} min" if budget.wall_clock_s else ""
    table = _table("study", space.name)
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
        "children": f"all after {search.population} trials, of the better ones"
        if search.population
        else "none: every trial begins anew",
        "trained again": f"the front, to {search.replicates} trainings each, beyond the budget"
        if search.replicates > 1
        else "no configuration",
        "finalists": f"scored again with {finalists.samples:,} images, {finalists.seeds} seeds"
        if finalists
        else "not scored again",
        "a trial has": resources.summary,
        "computed": ", ".join(f"{key} {value}" for key, value in space.compute),
    }
    for row in rows.items():
        table.add_row(*row)
    return table


def _table(*columns: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    table.columns[0].no_wrap = True
    return table
