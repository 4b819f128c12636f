"""Run of a study: search, rescoring of finalists, and end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gansearch.config import FinalistsConfig
from gansearch.errors import StudyError, UsageError
from gansearch.paths import command
from gansearch.record import Observer, StudyRecord, TrialRecord
from gansearch.search.policy import Policy
from gansearch.search.storage.store import StudyStore
from gansearch.space import Space
from gansearch.study.observers import following, usual_observers
from gansearch.study.progress import ending
from gansearch.study.signals import EXIT_AT_ONCE, raise_noted

log = logging.getLogger(__name__)

Observers = Callable[[Space], Sequence[Observer]]
"""Makes the observers of a study from its space with the effective budget."""


def search_study(
    store: StudyStore, results: Path, observers: Observers | None, signals: list[int]
) -> StudyRecord:
    """Run trials on the connected Ray until the study ends or a signal arrives.

    Args:
        store: store of the study.
        results: folder of all studies.
        observers: as in :func:`gansearch.study.run.run_study`.
        signals: signals that this process has received so far; polled throughout.

    Raises:
        StudyError: the record could not be kept.
        KeyboardInterrupt: Ctrl-C, raised after everything is on record.
        SystemExit: SIGTERM, raised after everything is on record.
    """
    from gansearch.search.engine.tune import SearchAdaptor, StopCondition, search

    resume = command("resume", store.study.name, results=results)
    EXIT_AT_ONCE.advice = f"`{resume}` goes on"
    policy = Policy(store.space, store.study, store)
    adaptor = SearchAdaptor(policy, signals)
    stop_condition = StopCondition(store.space.budget.wall_clock_s, signals)
    storage = (results / store.study.name).absolute()
    scored: dict[int, TrialRecord] = {}
    why = ""

    def record() -> StudyRecord:
        return replace(with_scores(policy.record(), scored), ending=why)

    with following((observers or usual_observers(results))(store.space), record):
        search(adaptor, store.space, str(storage), stop_condition)
        why = ending(store.space, record(), stop_condition.reason, resume)
        store.flush()
        plan = store.space.evaluation.finalists
        if plan and not signals and adaptor.error is None:
            try:
                score_study(store, record(), plan, scored, signals)
            except UsageError as error:  # the search itself is complete
                log.warning("the finalists are not scored again: %s", error)
    if adaptor.error is not None:
        raise StudyError(
            f"study {store.study.name!r}: the search could not be kept up: {adaptor.error}; "
            f"{EXIT_AT_ONCE.advice}"
        ) from adaptor.error
    if signals and not EXIT_AT_ONCE.installed:
        log.warning("interrupted; %s", EXIT_AT_ONCE.advice)
    raise_noted(signals)
    return record()


def score_study(
    store: StudyStore,
    record: StudyRecord,
    plan: FinalistsConfig,
    scored: dict[int, TrialRecord],
    signals: Sequence[int] = (),
    also: Collection[int] = (),
) -> None:
    """Rescore finalists into the store and ``scored``; stop early after a signal."""
    from gansearch.study.rescoring import score_finalists

    for trial in score_finalists(store.space, record, plan, also):
        store.record_scores(trial)
        scored[trial.number] = trial
        if signals:
            break
    store.flush()


def with_scores(record: StudyRecord, scored: Mapping[int, TrialRecord]) -> StudyRecord:
    """Replace the trials of a record that are in ``scored``."""
    return replace(record, trials=tuple(scored.get(t.number, t) for t in record.trials))
