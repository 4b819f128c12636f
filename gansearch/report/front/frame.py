"""The front as a pandas ``DataFrame``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from gansearch.metrics.catalog import METRICS

if TYPE_CHECKING:
    import pandas as pd

    from gansearch.record import TrialRecord
    from gansearch.report.front.selection import Selection


def front_frame(selection: Selection) -> pd.DataFrame:
    """Make a table of the front, one row per point in the order of ``selection.front``.

    Columns:
        ``trial``: number of the point's first trial.
        ``variant``: its variant.
        ``recommended``: whether it is the recommended point.
        ``<metric>``: for each objective, then for each other reported metric of the catalog, its
            value in the catalog's unit; the mean if there are several.
        ``<metric>_error``: its standard error, if some point has one.
        ``<metric>_low``, ``<metric>_high``: its 95% confidence interval, if some point has one.
        ``kimg``, ``seed``: length and seed of the first training.
        ``trainings``: number of trainings in the means.
        ``failed``: number of further trainings that diverged, ran out of memory or were stopped.
        ``probability``: probability of being on the front, from 0 to 1.
        ``by_noise``: whether it is on the front by noise alone.
        ``params.<name>``: each parameter that varies in the study, as sampled.

    A value that a point lacks is missing (NaN or ``None``).
    """
    import pandas as pd

    reported = {name for trial in selection.front for name in selection.values(trial)}
    objectives = [objective.metric for objective in selection.objectives]
    metrics = [*objectives, *(name for name in METRICS if name in reported - set(objectives))]
    columns = [
        "trial",
        "variant",
        "recommended",
        *_metric_columns(selection, metrics),
        "kimg",
        "seed",
        "trainings",
        "failed",
        "probability",
        "by_noise",
        *(f"params.{name}" for name in selection.varied),
    ]
    rows = [_row(selection, trial, metrics) for trial in selection.front]
    return pd.DataFrame(rows, columns=pd.Index(columns))


def _metric_columns(selection: Selection, metrics: Sequence[str]) -> Iterator[str]:
    points = [selection.estimates[trial.number] for trial in selection.front]
    for name in metrics:
        yield name
        if any(name in point.errors for point in points):
            yield f"{name}_error"
        if any(name in point.intervals for point in points):
            yield from (f"{name}_low", f"{name}_high")


def _row(selection: Selection, trial: TrialRecord, metrics: Sequence[str]) -> dict[str, Any]:
    point = selection.estimates[trial.number]
    return {
        "trial": trial.number,
        "variant": trial.params.get("variant"),
        "recommended": trial is selection.knee,
        **{name: point.report.metrics.get(name) for name in metrics},
        **{f"{name}_error": error for name, error in point.errors.items()},
        **{f"{name}_low": interval.low for name, interval in point.intervals.items()},
        **{f"{name}_high": interval.high for name, interval in point.intervals.items()},
        "kimg": point.report.kimg,
        "seed": trial.seed,
        "trainings": len(point.trainings),
        "failed": point.failures,
        "probability": selection.probabilities[trial.number],
        "by_noise": trial in selection.by_noise,
        **{f"params.{name}": trial.params.get(name) for name in selection.varied},
    }
