"""Warm start of a new study from earlier ones, once, before it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from gansearch.errors import ConfigError, StudyError
from gansearch.record import Prior, StudyRecord, TrialRecord
from gansearch.report.front.estimates import Estimate
from gansearch.report.front.replicates import estimates_of
from gansearch.report.front.selection import select
from gansearch.settings import Params
from gansearch.space import Space

COMPARABLE_TAGS = ("data", "host", "gansearch", "torch")
"""Tags that two studies must share for their values to be comparable."""

ReadStudy = Callable[[str], tuple[Space, StudyRecord]]
"""Reads a study by its name."""


def priors(space: Space, tags: Mapping[str, str], read: ReadStudy) -> tuple[Prior, ...]:
    """Collect configurations and results for a new study from those that its space names.

    Configurations to try: the earlier fronts, moved into the ranges, in order of the first
    objective, for at most half of the budget's trials. Results to learn from: metrics of other
    configurations that this study would train, evaluate and compute identically, on the same images
    and machine, with the same versions; for several trainings, the mean.

    Args:
        space: space of the new study.
        tags: tags of the new study.
        read: reads a study, as :func:`gansearch.search.storage.store.read_study` does.

    Raises:
        StudyError: a study does not exist, has an empty front, or has nothing that fits the space.
        ProtocolError: the front of a study was evaluated under different protocols.
    """
    own = space.defaults()
    found: list[Prior] = []
    results: list[Prior] = []
    for name in space.search.warm_start:
        earlier, record = _read(name, read)
        front = select(earlier, record)
        fitting = [(t, moved) for t in front.front if (moved := _moved_into(space, t)) is not None]
        if not fitting:
            variants = ", ".join(sorted({str(t.params["variant"]) for t in front.front}))
            why = front.message or f"its front has only {variants}"
            raise StudyError(f"search.warm_start: nothing of study {name!r} fits the space: {why}")
        found += [Prior(name, trial.number, params) for trial, params in fitting]
        if all(record.tags.get(tag) == tags.get(tag) for tag in COMPARABLE_TAGS):
            results += _results(space, earlier, record)
    tried = _distinct(found, own)[: max(1, space.budget.trials // 2)]
    return (*tried, *_distinct(results, [prior.params for prior in tried]))


def summary(found: tuple[Prior, ...]) -> str:
    """Describe the priors in words: ``3 configurations to try, 8 results``."""
    results = sum(bool(prior.metrics) for prior in found)
    return f"{len(found) - results} configurations to try, {results} results"


def _read(name: str, read: ReadStudy) -> tuple[Space, StudyRecord]:
    try:
        return read(name)
    except StudyError as error:
        raise StudyError(f"search.warm_start: {error}") from None


def _moved_into(space: Space, trial: TrialRecord) -> Params | None:
    """Move a trial's configuration into the ranges of ``space``; ``None`` if that is invalid."""
    variant = str(trial.params["variant"])
    if variant not in space.variant:
        return None
    params = space.nearest(variant, trial.params)
    try:
        space.train_config(params, seed=0)
    except ConfigError:
        return None
    return params


def _results(space: Space, earlier: Space, record: StudyRecord) -> Iterator[Prior]:
    bounds = [bound.metric for bound in (*space.objectives, *space.constraints)]
    estimates: dict[int, Estimate] = estimates_of(record.trials, earlier.budget.max_kimg)
    for trial in record.trials:
        params = _moved_into(space, trial)
        if trial.number not in estimates or trial.lineage or params is None:
            continue
        same = space.train_config(params, 0) == earlier.train_config(trial.params, 0)
        metrics = estimates[trial.number].report.metrics
        if same and all(name in metrics for name in bounds):
            yield Prior(record.name, trial.number, params, {name: metrics[name] for name in bounds})


def _distinct(found: list[Prior], known: list[Params]) -> list[Prior]:
    """Return the first prior of each configuration, without configurations in ``known``."""
    kept: list[Prior] = []
    for prior in found:
        if prior.params not in (*known, *(other.params for other in kept)):
            kept.append(prior)
    return kept
