"""A study from its space to its record: run, resume, load."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from gansearch.config import FinalistsConfig, describe
from gansearch.errors import ConfigError, StudyError
from gansearch.following import following, usual_observers
from gansearch.interrupts import raise_noted, signals_noted
from gansearch.paths import RESULTS, StrPath
from gansearch.record import StudyRecord, TrialRecord
from gansearch.report.selection import Selection, select
from gansearch.running import Observers, score_study, search_study, with_scores
from gansearch.search.budget import check_budget
from gansearch.search.database import is_missing, show
from gansearch.search.storage import StudyStore, read_study, study_names
from gansearch.space import Bound, Space
from gansearch.urls import sqlite_url

# torch and Ray are imported where trials run: reading a study takes neither.

STORAGE = "GANSEARCH_STORAGE"
"""Environment variable with the URL of a PostgreSQL that holds the records of studies instead of
``studies.db`` in the results folder; it is not an option because it may hold a password."""


def run_study(
    space: Space,
    *,
    name: str | None = None,
    results: StrPath = RESULTS,
    observers: Observers | None = None,
    address: str | None = None,
) -> StudyRecord:
    """Search ``space``: train its trials side by side, stop the poor ones, record everything.

    Trials run on this machine, or on the Ray cluster at ``address`` or ``$RAY_ADDRESS``, whose
    nodes must all reach ``results``. Ctrl-C and SIGTERM end the run cleanly, and so does the
    space's wall clock, which is of one run: trials that were at work keep no outcome, are on no
    front, and go on from their last checkpoint when the study is resumed. So do those of a study
    that was killed.

    Args:
        space: what to search.
        name: of the study, new in ``results``; by default the space's with the time.
        results: folder of all studies.
        observers: made once the study is on record; each follows it in a thread of its own. Without
            them progress is logged at level INFO, and MLflow shows every trial; with
            ``lambda _: ()`` nothing is said and nothing tracked.
        address: of a running Ray cluster.

    Returns:
        The study as it ended; every trial has an outcome unless the wall clock ran out.

    Raises:
        StudyError: the name is taken, ``results`` cannot be written to, the machine lacks what a
            trial needs, there is nothing to warm-start from, or the record could not be kept.
        SpaceError: images, or files of weights, are missing or too few for what the space asks.
        DataError: the images are unreadable.
        WeightsError: a metric's weights are not the expected file.
        KeyboardInterrupt: Ctrl-C, once everything is on record.
        SystemExit: SIGTERM, once everything is on record.
    """
    from gansearch.availability import check_available

    check_available(space, machine=False)  # Ray knows what a cluster has
    if name is None:
        name = f"{space.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    from gansearch.preflight import check_name, make_writable, study_tags
    from gansearch.warm import priors, summary

    results = Path(results)
    url = _database(results)
    storage = (results / name).absolute()
    check_name(name, results, study_names(url))
    tags = study_tags(space)
    taken = priors(space, tags, partial(read_study, url, results=results))
    if taken:
        tags["warm_start"] = summary(taken)
    make_writable(results)
    from gansearch.search.checkpoints import STUDY_FILE
    from gansearch.search.engine.cluster import cluster, gpu_tags

    with signals_noted() as signals, cluster(address, space):
        raise_noted(signals)
        tags |= gpu_tags(space)
        with StudyStore.create(url, name, space, tags, taken, results=results) as store:
            storage.mkdir()
            (storage / STUDY_FILE).write_text(space.text)
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
    """Continue a study that was killed or interrupted, or give it more trials or a larger budget.

    Unfinished trials come first, each from its last checkpoint; finished ones are never run again,
    but with a larger ``max_kimg`` completed ones are trained on to it. While nothing has used a
    larger budget, it can be taken back, down to the space's own. Everything is checked before
    anything is written.

    Args:
        name: of the study in ``results``.
        results: folder of all studies.
        trials: configurations in all, instead of the number on record.
        max_kimg: full length of a trial, instead of the one on record.
        observers: as of :func:`run_study`.
        address: as of :func:`run_study`.

    Returns:
        The study as it ended, as from :func:`run_study`.

    Raises:
        StudyError: there is no such study, another process runs it, an amount is none or less
            than the study has used, or as of :func:`run_study`.
        DataError: the images are missing, unreadable, or not those that the study began with.
        WeightsError: as of :func:`run_study`.
        KeyboardInterrupt: as of :func:`run_study`.
        SystemExit: as of :func:`run_study`.
    """
    from gansearch.preflight import check_data, make_writable

    results = Path(results)
    url = _database(results)
    space, record = read_study(url, name, results)
    check_budget(record, trials=trials, max_kimg=max_kimg)
    make_writable(results)
    check_data(space, record)
    from gansearch.search.engine.cluster import cluster

    with (
        signals_noted() as signals,
        StudyStore.open(url, name, results=results) as store,
        cluster(address, space),
    ):
        raise_noted(signals)
        store.extend(trials=trials, max_kimg=max_kimg)
        return search_study(store, results, observers, signals)


def rescore_study(
    name: str,
    *,
    results: StrPath = RESULTS,
    samples: int | None = None,
    seeds: int | None = None,
    also: Collection[int] = (),
    observers: Observers | None = None,
) -> StudyRecord:
    """Score a study's finalists again from their weights, on several seeds of latents.

    What was scored by the same protocol before is left alone, so that a call that was cut short is
    made good by another one. Trials that were scored by other protocols are scored anew.

    Args:
        name: of the study in ``results``; no other process runs it.
        results: folder of all studies.
        samples: generated images per seed; without it what the space says, or else 10,000.
        seeds: how many, at least 2; without it what the space says, or else 3.
        also: numbers of further trials to score.
        observers: as of :func:`run_study`.

    Returns:
        The study with the scores. A trial that cannot be scored is named in the log.

    Raises:
        StudyError: there is no such study, another process runs it, or a trial has not completed
            the full budget.
        ConfigError: a number of samples or seeds out of its range.
        ProtocolError, DataError, WeightsError: as of
            :func:`gansearch.finalists.score_finalists`.
    """
    from gansearch.preflight import make_writable

    results = Path(results)
    url = _database(results)
    read_study(url, name)
    make_writable(results)
    with StudyStore.open(url, name, results=results) as store:
        usual = store.space.evaluation.finalists or FinalistsConfig()
        try:
            plan = FinalistsConfig(
                samples=usual.samples if samples is None else samples,
                seeds=usual.seeds if seeds is None else seeds,
            )
        except ValidationError as error:
            raise ConfigError(describe(error)) from None
        scored: dict[int, TrialRecord] = {}
        watching = (observers or usual_observers(results))(store.space)
        with following(watching, lambda: with_scores(store.study, scored)):
            score_study(store, store.study, plan, scored, also=also)
        return with_scores(store.study, scored)


def load_study(name: str, results: StrPath = RESULTS) -> tuple[Space, StudyRecord]:
    """A study as it is on record, finished or not, even while another process runs it.

    Raises:
        StudyError: there is no such study in ``results``, or its record cannot be read.
    """
    return read_study(_database(results), name, Path(results))


def list_studies(results: StrPath = RESULTS) -> tuple[str, ...]:
    """The names of the studies in ``results``, oldest first; at least one.

    Raises:
        StudyError: there is none, or their record cannot be read.
    """
    url = _database(results)
    if is_missing(url):
        raise StudyError(f"{results} is no folder of results: {show(url)} does not exist")
    names = study_names(url)
    if not names:
        raise StudyError(f"there is no study in {show(url)}")
    return names


def pareto_front(
    name: str,
    *,
    results: StrPath = RESULTS,
    objectives: Sequence[str] | None = None,
    bounds: Sequence[Bound] = (),
    weights: Mapping[str, float] | None = None,
) -> Selection:
    """The Pareto front of a study, and its recommended point.

    Args:
        name: of the study in ``results``.
        results: folder of all studies.
        objectives: metrics to trade off instead of the space's own.
        bounds: further bounds that a trial must be within.
        weights: preference by objective, as of :func:`gansearch.report.selection.select`.

    Raises:
        StudyError: there is no such study.
        UsageError: an objective, bound or weight that names no metric, or is no preference.
        ProtocolError: an objective was measured under different protocols.
    """
    space, record = load_study(name, results)
    return select(space, record, objectives=objectives, bounds=bounds, weights=weights)


def _database(results: StrPath) -> str:
    return os.environ.get(STORAGE) or sqlite_url(Path(results) / "studies.db")
