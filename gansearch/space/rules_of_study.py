"""Rules for everything except parameters: variants, data, metrics, budget, sampler."""

from __future__ import annotations

from collections.abc import Iterator

from gansearch.data.catalog import DATA_SETS
from gansearch.metrics.catalog import METRICS, Metric
from gansearch.space.draft import Draft, Finding
from gansearch.space.parameters import FloatRange
from gansearch.space.scope import split
from gansearch.space.specs import SEED
from gansearch.space.wording import listed, shown, unknown
from gansearch.variants.catalog import CATALOG
from gansearch.variants.entry import DataKind, VariantEntry

_LABELLED = tuple(data.name for data in DATA_SETS.values() if data.may_have_labels)


def variants(draft: Draft) -> Iterator[Finding]:
    """Variants are known, and each is listed once."""
    chosen = draft.space.variant
    for i, variant in enumerate(chosen):
        if variant not in CATALOG:
            yield ("variant", i), unknown("variant", variant, CATALOG)
        elif variant in chosen[:i]:
            yield ("variant", i), f"{variant!r} is listed twice"


def data_suits(draft: Draft) -> Iterator[Finding]:
    """The data has the labels and the resolution that a variant needs."""
    if not (draft.is_whole("data") and draft.is_whole("variant")):
        return
    data = draft.space.data
    for i, variant in enumerate(draft.space.variant):
        entry = CATALOG.get(variant)
        if entry is None:
            continue
        if entry.data is DataKind.LABEL and data.name not in _LABELLED:
            fit = f"data with labels ({listed(_LABELLED)})"
            yield ("variant", i), f"{variant} needs {fit}, and {data.name!r} has none"
        if data.resolution < entry.resolution:
            message = f"should be at least {entry.resolution} for {variant} (got {data.resolution})"
            yield ("data", "resolution"), message


def metrics(draft: Draft) -> Iterator[Finding]:
    """Metrics are known and available for the data and the variants."""
    space = draft.space
    for section in ("objectives", "constraints"):
        for bound in getattr(space, section):
            yield from _metric((section, bound.metric), bound.metric, draft)
    for i, name in enumerate(space.evaluation.metrics):
        path = ("evaluation", "metrics", i)
        yield from _metric(path, name, draft)
        if name in METRICS and METRICS[name].kind != "quality":
            yield path, f"{name} is a cost, which is always measured; list quality metrics here"


def _metric(path: tuple[str | int, ...], name: str, draft: Draft) -> Iterator[Finding]:
    if name not in METRICS:
        yield path, unknown("metric", name, METRICS)
        return
    metric, data = METRICS[name], draft.space.data
    if metric.data and data.name not in metric.data and draft.is_whole("data"):
        alike = (m for m in METRICS.values() if m.method == metric.method)
        others = " or ".join(m.name for m in alike if not m.data)
        instead = f"; use {others}" if others else ""
        yield path, f"{name} is for data {listed(metric.data)}, not {data.name}{instead}"
    if metric.heldout and data.holdout == 0 and draft.is_whole("data"):
        yield path, f"{name} needs held-out images: data.holdout above 0, such as 0.5"
    if (metric.of_variant or metric.by_class) and draft.is_whole("variant"):
        able = [v for v, entry in CATALOG.items() if _computes(entry, metric)]
        lacking = "does not compute it" if metric.of_variant else "does not generate by class"
        for variant in draft.space.variant:
            if variant in CATALOG and variant not in able:
                yield path, f"{variant} {lacking}; variants that do: {listed(able)}"


def _computes(entry: VariantEntry, metric: Metric) -> bool:
    return metric.name in entry.metrics if metric.of_variant else entry.by_class


def directions(draft: Draft) -> Iterator[Finding]:
    """Each metric is optimised in its better direction."""
    for objective in draft.space.objectives:
        metric = METRICS.get(objective.metric)
        if metric is not None and objective.direction != metric.direction:
            message = f"should be {metric.direction} (got {objective.direction})"
            yield ("objectives", metric.name, "direction"), message


def bounds(draft: Draft) -> Iterator[Finding]:
    """Bounds leave a non-empty range."""
    for section in ("objectives", "constraints"):
        for bound in getattr(draft.space, section):
            if bound.min is not None and bound.max is not None and bound.min > bound.max:
                message = f"min {bound.min:g} is above max {bound.max:g}; no value is within"
                yield (section, bound.metric), message
    for bound in draft.space.constraints:
        if bound.min is None and bound.max is None:
            yield ("constraints", bound.metric), "needs a min or a max, such as {max: 5}"


def listed_once(draft: Draft) -> Iterator[Finding]:
    """No objective is also a constraint."""
    objectives = {objective.metric for objective in draft.space.objectives}
    for bound in draft.space.constraints:
        if bound.metric in objectives:
            where = f"objectives.{bound.metric}"
            yield ("constraints", bound.metric), f"is an objective; put min and max into {where}"


def has_quality(draft: Draft) -> Iterator[Finding]:
    """At least one objective is a quality metric, for comparison at rungs."""
    known = [METRICS.get(objective.metric) for objective in draft.space.objectives]
    if not draft.is_whole("objectives") or None in known:
        return
    if not any(metric is not None and metric.kind == "quality" for metric in known):
        quality = (metric.name for metric in METRICS.values() if metric.kind == "quality")
        message = f"need at least one quality metric to compare trials by: {listed(quality)}"
        yield ("objectives",), message


def rungs(draft: Draft) -> Iterator[Finding]:
    """Rungs ascend and are less than the full length."""
    budget = draft.space.budget
    ascending = sorted(set(budget.rungs))
    if list(budget.rungs) != ascending:
        given, right = (listed(f"{kimg:g}" for kimg in r) for r in (budget.rungs, ascending))
        yield ("budget", "rungs"), f"should ascend without repeats: [{right}] (got [{given}])"
    for i, kimg in enumerate(budget.rungs):
        if kimg >= budget.max_kimg:
            message = f"rung {kimg:g} should be less than max_kimg {budget.max_kimg:g}"
            yield ("budget", "rungs", i), message


def compute(draft: Draft) -> Iterator[Finding]:
    """GPU-only options require trials with a GPU."""
    space = draft.space
    if space.resources.gpus or not draft.is_whole("resources"):
        return
    for name, value in space.compute.needing_gpu.items():
        yield ("compute", name), f"{shown(value)} needs a GPU: resources.gpus above 0 (got 0)"


def seeds(draft: Draft) -> Iterator[Finding]:
    """Only a grid varies seeds; a search over them would select lucky runs."""
    sampler = draft.space.search.sampler
    for name, parameter in draft.space.parameters.items():
        if split(name)[1] == SEED.name and parameter.type != "constant" and sampler != "grid":
            message = f"repeats configurations only under search.sampler: grid (got {sampler})"
            yield ("parameters", name), message


def replicates(draft: Draft) -> Iterator[Finding]:
    """Replicates need free seeds and trainings from scratch."""
    space = draft.space
    if space.search.replicates == 1:
        return
    path = ("search", "replicates")
    given = [key for key in (*space.training, *space.parameters) if split(key)[1] == SEED.name]
    if given:
        yield path, f"gives each training a seed of its own: leave {listed(given)} out"
    if space.search.sampler == "pbt":
        message = (
            "cannot be combined with search.sampler: pbt; replicates start from scratch, trials "
            "of pbt start from a parent's checkpoint"
        )
        yield path, message


def warm_start(draft: Draft) -> Iterator[Finding]:
    """Earlier studies are listed once each, and not with a grid."""
    search = draft.space.search
    for i, name in enumerate(search.warm_start):
        if name in search.warm_start[:i]:
            yield ("search", "warm_start", i), f"{name!r} is listed twice"
    if search.warm_start and search.sampler == "grid":
        yield ("search", "warm_start"), "has nothing to add to a grid, which tries every point"


def population(draft: Draft) -> Iterator[Finding]:
    """Population-based training has a size, its own stopping rule, rungs and live settings."""
    search = draft.space.search
    if search.sampler != "pbt":
        if search.population is not None:
            message = f"is the population size of search.sampler: pbt (got {search.sampler})"
            yield ("search", "population"), message
        return
    if search.population is None and draft.is_whole("search"):
        yield ("search", "sampler"), "pbt needs search.population, such as 8"
    if search.stopping != "truncation" and not draft.on_record:
        message = (
            f"should be truncation or left out with search.sampler: pbt (got {search.stopping})"
        )
        yield ("search", "stopping"), message
    if not draft.space.budget.rungs and draft.is_whole("budget"):
        message = "pbt continues the training of other trials from rungs: give budget.rungs"
        yield ("search", "sampler"), message
    keys = draft.space.parameters
    live = {name for variant in draft.variants for name in CATALOG[variant].settings.live()}
    searched = {split(key)[1] for key, one in keys.items() if one.type != "constant"}
    if not searched & live and draft.is_whole("parameters"):
        message = (
            "pbt needs at least one searched parameter that can change while a trial trains: "
            f"{listed(sorted(live))}"
        )
        yield ("search", "sampler"), message


def grid(draft: Draft) -> Iterator[Finding]:
    """A grid has a finite number of points."""
    if draft.space.search.sampler != "grid":
        return
    for name, parameter in draft.space.parameters.items():
        if isinstance(parameter, FloatRange) and parameter.step is None:
            message = "the grid sampler needs a step, or a list of values, to know its points"
            yield ("parameters", name), message
