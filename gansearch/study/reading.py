"""Functions that read studies on record: list, load, Pareto front, comparison, copy to MLflow."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from gansearch.errors import StudyError
from gansearch.paths import RESULTS, STUDIES_DATABASE, StrPath
from gansearch.record import StudyRecord
from gansearch.report.front.comparison import Comparison
from gansearch.report.front.comparison import compare as compare_configurations
from gansearch.report.front.selection import Selection, select
from gansearch.search.storage.database import is_missing, shown
from gansearch.search.storage.store import read_study, study_names
from gansearch.settings import Scalar
from gansearch.space import Bound, Space
from gansearch.urls import sqlite_url

STORAGE_VARIABLE = "GANSEARCH_STORAGE"
"""Environment variable with the URL of a PostgreSQL database for study records, used instead of
``studies.db`` in the results folder. It is not an option because it may contain a password."""


def load_study(name: str, results: StrPath = RESULTS) -> tuple[Space, StudyRecord]:
    """Load a study's space and record, finished or not, even while another process runs it.

    Args:
        name: name of the study in ``results``.
        results: folder of all studies.

    Returns:
        The space with the current budget, and the record.

    Raises:
        StudyError: there is no such study in ``results``, or its record cannot be read.
    """
    return read_study(storage_url(results), name, Path(results))


def study_exists(name: str, results: StrPath = RESULTS) -> bool:
    """Whether there is a study of this name; its record is not read.

    Raises:
        StudyError: the records cannot be read.
    """
    return name in study_names(storage_url(results))


def list_studies(results: StrPath = RESULTS) -> tuple[str, ...]:
    """List the names of the studies in ``results``, oldest first; at least one.

    Raises:
        StudyError: there is no study, or the records cannot be read.
    """
    url = storage_url(results)
    if is_missing(url):
        raise StudyError(f"{results} is no folder of results: {shown(url)} does not exist")
    names = study_names(url)
    if not names:
        raise StudyError(f"there is no study in {shown(url)}")
    return names


def pareto_front(
    name: str,
    *,
    results: StrPath = RESULTS,
    objectives: Sequence[str] | None = None,
    bounds: Sequence[Bound] = (),
    weights: Mapping[str, float] | None = None,
) -> Selection:
    """Select the Pareto front of a study and its recommended trial.

    Args:
        name: name of the study in ``results``.
        results: folder of all studies.
        objectives: metrics to trade off instead of the space's objectives.
        bounds: bounds in addition to the space's, in the units of the metrics.
        weights: preference by objective, as in :func:`gansearch.report.front.selection.select`.

    Returns:
        The front, the recommended trial and all other trials;
        :meth:`~gansearch.report.front.selection.Selection.to_frame` makes a pandas ``DataFrame``.
        An empty front has its reason in ``message``.

    Raises:
        StudyError: there is no such study.
        UsageError: an objective, bound or weight names no metric, or a weight is invalid.
        ProtocolError: an objective was evaluated under different protocols.
    """
    space, record = load_study(name, results)
    return select(space, record, objectives=objectives, bounds=bounds, weights=weights)


def compare(name: str, baseline: Mapping[str, Scalar], *, results: StrPath = RESULTS) -> Comparison:
    """Compare a study's configurations with a baseline on the same seeds.

    Args:
        name: name of the study in ``results``.
        baseline: parameters with their values, such as ``{"dsc.where": "none"}``, that exactly one
            configuration has.
        results: folder of all studies.

    Returns:
        Quality, time and memory of the baseline in the units of the metrics, and the changes of the
        other configurations in percent.

    Raises:
        StudyError: there is no such study, or no other configuration completed on a seed of the
            baseline.
        UsageError: no configuration or several have the baseline's values.
        ProtocolError: a quality was evaluated under different protocols.
    """
    space, record = load_study(name, results)
    values = {parameter: str(value) for parameter, value in baseline.items()}
    return compare_configurations(space, record, values)


def sync(name: str, *, results: StrPath = RESULTS) -> StudyRecord:
    """Write to MLflow what is missing there of a study, such as after its server was unreachable.

    Args:
        name: name of the study in ``results``.
        results: folder of all studies.

    Returns:
        The record, whose trials are all in MLflow now.

    Raises:
        StudyError: there is no such study.
        UsageError: MLflow cannot be written to.
    """
    from gansearch.tracking import sync as sync_study

    space, record = load_study(name, results)
    sync_study(space, record, Path(results))
    return record


def storage_url(results: StrPath) -> str:
    """Return the URL of the database with the study records of a results folder."""
    return os.environ.get(STORAGE_VARIABLE) or sqlite_url(Path(results) / STUDIES_DATABASE)
