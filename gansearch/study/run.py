"""Functions that change studies: run, resume, rescore."""

from __future__ import annotations

import time
from collections.abc import Collection
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from gansearch.config import FinalistsConfig, describe
from gansearch.errors import ConfigError
from gansearch.paths import RESULTS, SPACE_FILE, StrPath
from gansearch.record import StudyRecord, TrialRecord
from gansearch.search.storage.budget import check_budget
from gansearch.search.storage.store import StudyStore, read_study, study_names
from gansearch.space import Space
from gansearch.study.observers import default_observers, run_observers
from gansearch.study.reading import storage_url
from gansearch.study.session import Observers, record_scores, search_study, with_scores
from gansearch.study.signals import deferred_signals, raise_deferred

# torch and Ray are imported where trials run, because reading a study needs neither.


def run_study(
    space: Space,
    *,
    name: str | None = None,
    results: StrPath = RESULTS,
    observers: Observers | None = None,
    address: str | None = None,
) -> StudyRecord:
    """Search ``space``: train its trials in parallel, stop poor ones early, record everything.

    Trials run on this machine, or on the Ray cluster at ``address`` or ``$RAY_ADDRESS``, whose
    nodes must all reach ``results``. Ctrl-C, SIGTERM and the space's wall-clock budget, which
    applies to one run, end it cleanly. Unfinished trials then have no outcome, are not on the
    front, and continue from their last checkpoint when the study is resumed. The same holds for a
    study that was killed.

    Args:
        space: space to search.
        name: name of the study, new in ``results``; by default the space's name with the time.
        results: folder of all studies.
        observers: makes the observers once the study is on record; each runs in a thread of its
            own. By default progress is logged at level INFO and MLflow shows every trial; ``lambda
            _: ()`` disables both.
        address: address of a running Ray cluster.

    Returns:
        The study at its end; every trial has an outcome unless the wall-clock budget ran out.

    Raises:
        StudyError: the name exists already, ``results`` is not writable, the machine lacks what a
            trial needs, there is nothing to warm-start from, or the record could not be kept.
        SpaceError: images or weight files are missing, or images too few for the space.
        DataError: the images are unreadable.
        WeightsError: a metric's weights are not the expected file.
        KeyboardInterrupt: Ctrl-C, raised after everything is on record.
        SystemExit: SIGTERM, raised after everything is on record.
    """
    from gansearch.study.availability import check_available

    check_available(space, machine=False)  # Ray knows a cluster's resources
    if name is None:
        name = f"{space.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    from gansearch.study.preflight import check_name, make_writable, study_tags
    from gansearch.study.warm_start import priors, summary

    results = Path(results)
    url = storage_url(results)
    folder = (results / name).absolute()
    check_name(name, results, study_names(url))
    tags = study_tags(space)
    taken = priors(space, tags, partial(read_study, url, results=results))
    if taken:
        tags["warm_start"] = summary(taken)
    make_writable(results)
    from gansearch.search.engine.cluster import cluster, gpu_tags

    with deferred_signals() as signals, cluster(address, space):
        raise_deferred(signals)
        tags |= gpu_tags(space)
        with StudyStore.create(url, name, space, tags, taken, results=results) as store:
            folder.mkdir()
            (folder / SPACE_FILE).write_text(space.text)
            return search_study(store, results, observers, signals)


def resume_study(
    name: str,
    *,
    results: StrPath = RESULTS,
    trials: int | None = None,
    max_kimg: float | None = None,
    observers: Observers | None = None,
    address: str | None = None,
) -> StudyRecord:
    """Resume an interrupted study, or give it more trials or a larger budget.

    Unfinished trials come first, each from its last checkpoint. Finished ones do not run again,
    except that a larger ``max_kimg`` continues the training of completed ones. A larger budget can
    be reduced again, down to the space's own, as long as no trial has used it. Everything is
    checked before anything is written.

    Args:
        name: name of the study in ``results``.
        results: folder of all studies.
        trials: total number of configurations, instead of the recorded one.
        max_kimg: full budget of a trial, instead of the recorded one.
        observers: as in :func:`run_study`.
        address: as in :func:`run_study`.

    Returns:
        The study at its end, as from :func:`run_study`.

    Raises:
        StudyError: there is no such study, another process runs it, an amount is invalid or less
            than the study has used, or as in :func:`run_study`.
        DataError: the images are missing, unreadable, or differ from those at the study's start.
        WeightsError: as in :func:`run_study`.
        KeyboardInterrupt: as in :func:`run_study`.
        SystemExit: as in :func:`run_study`.
    """
    from gansearch.study.preflight import check_data, make_writable

    results = Path(results)
    url = storage_url(results)
    space, record = read_study(url, name, results)
    check_budget(record, trials=trials, max_kimg=max_kimg)
    make_writable(results)
    check_data(space, record)
    from gansearch.search.engine.cluster import cluster

    with (
        deferred_signals() as signals,
        StudyStore.open(url, name, results=results) as store,
        cluster(address, space),
    ):
        raise_deferred(signals)
        store.extend(trials=trials, max_kimg=max_kimg)
        return search_study(store, results, observers, signals)


def rescore(
    name: str,
    *,
    results: StrPath = RESULTS,
    samples: int | None = None,
    seeds: int | None = None,
    also: Collection[int] = (),
    observers: Observers | None = None,
) -> StudyRecord:
    """Rescore a study's finalists from their weights, with several seeds of latents.

    Trials already rescored under the same protocol are skipped, so another call completes an
    interrupted one. Trials with scores under other protocols are rescored.

    Args:
        name: name of the study in ``results``; no other process may run it.
        results: folder of all studies.
        samples: generated images per seed; by default the space's number, or 10,000.
        seeds: number of seeds, at least 2; by default the space's number, or 3.
        also: numbers of further trials to rescore.
        observers: as in :func:`run_study`.

    Returns:
        The study with the scores. A trial that cannot be rescored is logged.

    Raises:
        StudyError: there is no such study, another process runs it, or a trial has not completed
            the full budget.
        ConfigError: the number of samples or seeds is out of range.
        ProtocolError, DataError, WeightsError: as in
            :func:`gansearch.study.rescoring.rescore_finalists`.
    """
    from gansearch.study.preflight import make_writable

    results = Path(results)
    url = storage_url(results)
    read_study(url, name)
    make_writable(results)
    with StudyStore.open(url, name, results=results) as store:
        default = store.space.evaluation.finalists or FinalistsConfig()
        try:
            config = FinalistsConfig(
                samples=default.samples if samples is None else samples,
                seeds=default.seeds if seeds is None else seeds,
            )
        except ValidationError as error:
            raise ConfigError(describe(error)) from None
        rescored: dict[int, TrialRecord] = {}
        watching = (observers or default_observers(results))(store.space)
        with run_observers(watching, lambda: with_scores(store.study, rescored)):
            record_scores(store, store.study, config, rescored, also=also)
        return with_scores(store.study, rescored)
