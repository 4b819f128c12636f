"""The run of a study: search, rescoring of finalists, and end."""

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
from gansearch.study.messages import ending
from gansearch.study.observers import default_observers, run_observers
from gansearch.study.signals import EXIT_AT_ONCE, raise_deferred

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
    EXIT_AT_ONCE.advice = f"continue with `{resume}`"
    policy = Policy(store.space, store.study, store)
    adaptor = SearchAdaptor(policy, signals)
    stop_condition = StopCondition(store.space.budget.wall_clock_s, signals)
    storage = (results / store.study.name).absolute()
    rescored: dict[int, TrialRecord] = {}
    reason = ""

    def record() -> StudyRecord:
        return replace(with_scores(policy.record(), rescored), ending=reason)

    with run_observers((observers or default_observers(results))(store.space), record):
        search(adaptor, store.space, str(storage), stop_condition)
        reason = ending(store.space, record(), stop_condition.reason, resume)
        store.flush()
        finalists = store.space.evaluation.finalists
        if finalists and not signals and adaptor.error is None:
            try:
                record_scores(store, record(), finalists, rescored, signals)
            except UsageError as error:  # the search itself is complete
                log.warning("the finalists are not rescored: %s", error)
    if adaptor.error is not None:
        raise StudyError(
            f"study {store.study.name!r}: the search ended with an error: {adaptor.error}; "
            f"{EXIT_AT_ONCE.advice}"
        ) from adaptor.error
    if signals and not EXIT_AT_ONCE.installed:
        log.warning("interrupted; %s", EXIT_AT_ONCE.advice)
    raise_deferred(signals)
    return record()


def record_scores(
    store: StudyStore,
    record: StudyRecord,
    config: FinalistsConfig,
    rescored: dict[int, TrialRecord],
    signals: Sequence[int] = (),
    also: Collection[int] = (),
) -> None:
    """Rescore finalists and record their scores; stop early after a signal.

    Args:
        store: store of the study, which records the scores.
        record: record of the study.
        config: number of samples and seeds.
        rescored: rescored trials by number; extended in place after each trial.
        signals: signals that this process has received so far.
        also: numbers of further trials to rescore.
    """
    from gansearch.study.rescoring import rescore_finalists

    for trial in rescore_finalists(store.space, record, config, also):
        store.record_scores(trial)
        rescored[trial.number] = trial
        if signals:
            break
    store.flush()


def with_scores(record: StudyRecord, rescored: Mapping[int, TrialRecord]) -> StudyRecord:
    """Return a record with the trials in ``rescored`` in place of its own of the same number."""
    return replace(record, trials=tuple(rescored.get(t.number, t) for t in record.trials))
