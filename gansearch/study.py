"""A study from its space to its record: run, resume, load."""

from __future__ import annotations

import logging
import os
import platform
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType
from typing import TYPE_CHECKING

from gansearch.errors import DataError, StudyError
from gansearch.following import following
from gansearch.record import Observer, StudyRecord
from gansearch.report.selection import Selection, select
from gansearch.search.policy import Policy
from gansearch.search.storage import StudyStore, read_study, sqlite_url, study_names
from gansearch.space import Bound, Space

if TYPE_CHECKING:  # torch and Ray are imported where trials run: reading a study takes neither
    from gansearch.data import Images
    from gansearch.metrics.evaluator import Evaluator
    from gansearch.search.tune import Brake

log = logging.getLogger(__name__)

Observers = Callable[[Space], Sequence[Observer]]
"""What follows a study, made for its space with the budget that holds."""

RESULTS = Path("results")
"""Where studies are kept unless a person says otherwise."""

STORAGE = "GANSEARCH_STORAGE"
"""Environment variable with the URL of a PostgreSQL that holds the records of studies instead of
``studies.db`` in the results folder; it is not an option because it may hold a password."""


def run_study(
    space: Space,
    *,
    name: str | None = None,
    results: Path = RESULTS,
    observers: Observers = lambda _: (),
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
        observers: made once the study is on record; each follows it in a thread of its own.
        address: of a running Ray cluster.

    Returns:
        The study as it ended; every trial has an outcome unless the wall clock ran out.

    Raises:
        StudyError: the name is taken, ``results`` cannot be written to, the machine lacks what a
            trial needs, or the record could not be kept.
        DataError: the images are missing or unreadable.
        WeightsError: a metric's weights are missing or not the expected file.
        KeyboardInterrupt: Ctrl-C, once everything is on record.
        SystemExit: SIGTERM, once everything is on record.
    """
    if name is None:
        name = f"{space.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    url = _database(results)
    storage = (results / name).absolute()
    _check_name(name, storage, study_names(url))
    tags = _tags(space, storage)
    _make_writable(results)
    from gansearch.search.checkpoints import STUDY_FILE
    from gansearch.search.tune import cluster

    with cluster(address, space), StudyStore.create(url, name, space, tags) as store:
        storage.mkdir()
        (storage / STUDY_FILE).write_text(space.text)
        return _search(store, storage, observers)


def resume_study(
    name: str,
    *,
    results: Path = RESULTS,
    trials: int | None = None,
    max_kimg: float | None = None,
    observers: Observers = lambda _: (),
    address: str | None = None,
) -> StudyRecord:
    """Continue a study that was killed or interrupted, or give it more trials or a larger budget.

    Unfinished trials come first, each from its last checkpoint; finished ones are never run again,
    but with a larger ``max_kimg`` completed ones are trained on to it.

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
        StudyError: there is no such study, another process runs it, less is asked for than on
            record, or as of :func:`run_study`.
        DataError: the images are missing, unreadable, or not those that the study began with.
        WeightsError: as of :func:`run_study`.
        KeyboardInterrupt: as of :func:`run_study`.
        SystemExit: as of :func:`run_study`.
    """
    url = _database(results)
    space, record = read_study(url, name)
    _check_data(space, record)
    from gansearch.search.tune import cluster

    with (
        StudyStore.open(url, name, trials=trials, max_kimg=max_kimg) as store,
        cluster(address, space),
    ):
        return _search(store, (results / name).absolute(), observers)


def load_study(name: str, results: Path = RESULTS) -> tuple[Space, StudyRecord]:
    """A study as it is on record, finished or not, even while another process runs it.

    Raises:
        StudyError: there is no such study in ``results``.
    """
    return read_study(_database(results), name)


def list_studies(results: Path = RESULTS) -> tuple[str, ...]:
    """The names of the studies in ``results``, oldest first."""
    return study_names(_database(results))


def pareto_front(
    name: str,
    *,
    results: Path = RESULTS,
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


# --- Before anything starts --------------------------------------------------------------------


def _check_name(name: str, storage: Path, taken: Sequence[str]) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", name):
        raise StudyError(
            f"{name!r} cannot be a study's name: it should be letters, digits, _, . and -, "
            "beginning with a letter or digit"
        )
    if name in taken:
        raise StudyError(
            f"there is a study {name!r} already: continue it with `gansearch resume {name}`, "
            "or choose another name"
        )
    if storage.exists():
        raise StudyError(f"{storage} is in the way: choose another name, or move it")


def _tags(space: Space, storage: Path) -> dict[str, str]:
    """What a study's results depend on beside its space."""
    images, evaluator = _measures(space)
    packages = {package: version(package) for package in ("gansearch", "torch", "ray", "optuna")}
    return {
        **packages,
        "python": platform.python_version(),
        "host": platform.node(),
        "storage": str(storage),
        "data": images.train.fingerprint,
        "data.skipped": str(len(images.train.skipped)),
        **{f"floor/{metric}": str(value) for metric, value in evaluator.floor().items()},
    }


def _measures(space: Space) -> tuple[Images, Evaluator]:
    """The images and what measures quality on them: as far as a trial needs files, it needs these.

    The workers find what an evaluator prepares in the cache.
    """
    import torch

    from gansearch.data import load_images
    from gansearch.metrics.evaluator import Evaluator

    images = load_images(space.data)
    evaluation = space.train_config(space.defaults()[0], seed=0).evaluation
    return images, Evaluator(evaluation, evaluation.metrics, images, torch.device("cpu"))


def _check_data(space: Space, record: StudyRecord) -> None:
    now, then = _measures(space)[0].train.fingerprint, record.tags["data"]
    if now != then:
        raise DataError(
            f"study {record.name!r} began with other images: their fingerprint was {then}, "
            f"now it is {now}"
        )


def _database(results: Path) -> str:
    return os.environ.get(STORAGE) or sqlite_url(results / "studies.db")


def _make_writable(results: Path) -> None:
    try:
        results.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=results):
            pass
    except OSError as error:
        raise StudyError(f"{results}: results cannot be written there: {error.strerror}") from None


# --- While it runs -----------------------------------------------------------------------------


def _search(store: StudyStore, storage: Path, observers: Observers) -> StudyRecord:
    from gansearch.search.tune import Brake, Desk, search

    policy = Policy(store.space, store.study, store)
    desk = Desk(policy)
    brake = Brake(store.space.budget.wall_clock_s)
    with following(observers(store.space), policy.record), _pulled_by_signals(brake) as signals:
        search(desk, store.space, str(storage), brake)
        store.flush()
    record = policy.record()
    if desk.error is not None:
        raise StudyError(
            f"study {record.name!r}: the search could not be kept up: {desk.error}; "
            f"`gansearch resume {record.name}` continues it"
        ) from desk.error
    if signals:
        log.warning("interrupted; `gansearch resume %s` continues the study", record.name)
        raise KeyboardInterrupt if signals[0] == signal.SIGINT else SystemExit(128 + signals[0])
    return record


@contextmanager
def _pulled_by_signals(brake: Brake) -> Iterator[list[int]]:
    """Let Ctrl-C and SIGTERM pull the brake; yields the list of those that came."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught  # Python delivers signals to the main thread, which is not ours to take
        return

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def pull(number: int, _frame: FrameType | None) -> None:
        brake.pulled = True
        caught.append(number)
        restore()  # a second one acts at once

    watched = (signal.SIGINT, signal.SIGTERM)
    before = {each: signal.signal(each, pull) or signal.SIG_DFL for each in watched}
    try:
        yield caught
    finally:
        restore()
