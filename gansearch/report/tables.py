"""The front as a terminal table and a CSV file; tables of comparisons."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType

from gansearch.metrics.catalog import METRICS
from gansearch.paths import written_atomically
from gansearch.report.front.comparison import Comparison, Configuration
from gansearch.report.front.estimates import Interval
from gansearch.report.front.selection import Selection
from gansearch.report.published import Published
from gansearch.text.readable import number
from gansearch.text.sheet import Column, Sheet

if TYPE_CHECKING:
    from gansearch.record import TrialRecord

MAX_PARAMETERS = 8
"""Largest number of parameters in a front's table; the CSV has all that vary."""

FRONT = "P(front)"
"""Heading of the probability of being on the front."""

KNEE, NOISE = "★", "~"
"""Marks of the recommended point, and of points on the front by noise alone."""


def front_table(selection: Selection, title: str = "Pareto front") -> Sheet:
    """Make a table of the front: objectives with units, and parameters that differ on it.

    Args:
        selection: the selection; :data:`KNEE` marks the recommended point, :data:`NOISE` points on
            the front by noise alone.
        title: title above the table.
    """
    front = selection.front
    if not front:
        return Sheet([], [], title, list(notes(selection)))
    mark = {trial.number: NOISE for trial in selection.by_noise}
    if selection.knee:
        mark[selection.knee.number] = KNEE
    keys = [
        Column("", [mark.get(trial.number, "") for trial in front], style="bold green"),
        Column("trial", [str(trial.number) for trial in front], numbers=True),
    ]
    results = [
        Column("variant", [str(trial.params.get("variant", "")) for trial in front]),
        *(
            _metric_column(metric, [value_text(selection, trial, metric) for trial in front])
            for metric in (objective.metric for objective in selection.objectives)
        ),
    ]
    if selection.uncertain:
        probabilities = [probability_text(selection, trial) for trial in front]
        results.append(Column(FRONT, probabilities, numbers=True))
    if selection.repeated:
        results.append(Column("n", [trainings_text(selection, t) for t in front], numbers=True))
    parameters = [
        Column(name, [schedule_text(trial, name) for trial in front], style="dim")
        for name in _shown_parameters(selection)[:MAX_PARAMETERS]
    ]
    bold = front.index(selection.knee) if selection.knee else None
    return Sheet(keys, [results, parameters], title, list(notes(selection)), bold)


def scores_table(rows: Iterable[tuple[str, Sequence[float], str]]) -> Sheet:
    """Make a table of metrics, their values over seeds, and their protocols.

    Args:
        rows: for each metric its name, values by seed, and protocol.
    """
    rows = list(rows)
    intervals = [Interval.of(values) for _, values, _ in rows]
    cells = [
        number(each.mean, 6) if each.half is None else with_interval(each) for each in intervals
    ]
    several = any(each.half is not None for each in intervals)
    return Sheet(
        [Column("metric", [metric for metric, *_ in rows])],
        [
            [
                Column("value", cells, numbers=True, style="cyan"),
                Column("protocol", [protocol for *_, protocol in rows], style="dim"),
            ]
        ],
        notes=["mean ± 95% interval over the seeds, by Student's t"] if several else [],
    )


def studies_table(names: Iterable[str]) -> Sheet:
    """Make a table of the studies in a results folder, oldest first."""
    return Sheet([Column("study", list(names))], [])


def write_csv(selection: Selection, path: Path) -> None:
    """Write the front as CSV: every metric and varied parameter, at full precision."""
    with written_atomically(path) as temporary:
        selection.to_frame().to_csv(temporary, index=False, lineterminator="\n")


def schedule_text(trial: TrialRecord, name: str) -> str:
    """Format a parameter's value, or its values along a schedule: ``0.002 → 0.001``."""
    values = [stage.get(name) for stage in (*(a.params for a in trial.lineage), trial.params)]
    return " → ".join(number(value) for value, _ in groupby(values))


def value_text(selection: Selection, trial: TrialRecord, metric: str) -> str:
    """Format a value, with its interval if it has one: ``1.234 ± 0.051``."""
    interval = selection.interval(trial, metric)
    return number(selection.values(trial)[metric]) if interval is None else with_interval(interval)


def probability_text(selection: Selection, trial: TrialRecord) -> str:
    """Format the probability of being on the front: ``74%``; 0% and 100% appear only if exact."""
    percent = 100 * selection.probabilities[trial.number]
    if percent in (0, 100):
        return f"{percent:.0f}%"
    return "> 99%" if percent > 99 else "< 1%" if percent < 1 else f"{percent:.0f}%"


def trainings_text(selection: Selection, trial: TrialRecord) -> str:
    """Format the number of trainings in a point's mean, and of all if some failed: ``2 of 3``."""
    counted, failed = len(selection.trainings(trial)), selection.failures(trial)
    return f"{counted} of {counted + failed}" if failed else str(counted)


def notes(selection: Selection) -> Iterator[str]:
    """Yield notes that explain the front to a reader, one per line."""
    if selection.message:
        yield selection.message
    for metric in sorted(selection.rescored) if selection.front else ():
        score = selection.front[0].scores[metric]
        yield (
            f"{metric}: mean ± 95% interval (Student's t, {len(score.seeds)} seeds of latents); "
            f"{score.protocol}"
        )
    if selection.repeated:
        yield (
            "n: number of trainings with different seeds; mean ± 95% interval over the seeds "
            "(Student's t)"
        )
    if any(map(selection.failures, selection.front)):
        yield (
            "k of n: k trainings completed, the others diverged, ran out of memory or were "
            "stopped; the mean is over those that completed, and does not dominate a "
            "configuration with a lower failure rate"
        )
    if selection.not_rescored:
        options = " ".join(f"--trial {trial.number}" for trial in selection.not_rescored)
        yield (
            "not ranked, because they were not rescored like the others: trials "
            f"{_numbers(selection.not_rescored)}; `gansearch rescore STUDY {options}` rescores them"
        )
    if selection.disturbed:
        yield (
            "seconds_per_kimg was never measured alone and may include other processes' work: "
            f"trials {_numbers(selection.disturbed)}; "
            "`gansearch pareto STUDY --min measured_alone=1` excludes them"
        )
    yield from _noise_notes(selection)


def _noise_notes(selection: Selection) -> Iterator[str]:
    means = selection.rescored if not selection.repeated else selection.spread
    names = [o.metric for o in selection.objectives if o.metric in selection.spread - means]
    if names:
        yield f"{', '.join(names)}: ± 95% interval of the measurement"
    if selection.uncertain:
        yield f"{FRONT}: probability that no other point dominates it, by the standard errors"
    if selection.by_noise:
        yield (
            f"{NOISE} on the front by noise alone, not recommended: trials "
            f"{_numbers(selection.by_noise)}"
        )


def with_interval(interval: Interval) -> str:
    """Format a mean and half its interval's width, to the same digit: ``1.234 ± 0.051``."""
    if interval.half is None or interval.half <= 1e-6 * abs(interval.mean):
        return number(interval.mean)
    decimals = max(0, 1 - math.floor(math.log10(interval.half)))
    return f"{interval.mean:.{decimals}f} ± {interval.half:.{decimals}f}"


def _numbers(trials: Iterable[TrialRecord]) -> str:
    return ", ".join(str(trial.number) for trial in trials)


def _metric_column(metric: str, cells: Sequence[str]) -> Column:
    return Column(metric, cells, METRICS[metric].unit, numbers=True, style="cyan")


def _shown_parameters(selection: Selection) -> list[str]:
    """Return the parameters that vary in the study and, if it has several points, on the front."""
    front = selection.front
    return [
        name
        for name in selection.varied
        if len(front) < 2 or len({trial.params.get(name) for trial in front}) > 1
    ]


def comparison_tables(comparison: Comparison, published: Iterable[Published]) -> RenderableType:
    """Make tables of a comparison, baseline first, and of published ones.

    Args:
        comparison: comparison of a study's configurations.
        published: tables from papers.
    """
    return Group(_own_changes(comparison), *map(_published_changes, published))


def _own_changes(comparison: Comparison) -> Sheet:
    rows = (comparison.baseline, *comparison.others)
    left_out = f"excluded, completed on none of the baseline's seeds: {len(comparison.unmatched)}"
    return Sheet(
        [
            Column(name, [number(row.params.get(name)) for row in rows])
            for name in comparison.varied
        ],
        [
            [
                Column("seeds", [str(len(row.seeds)) for row in rows], numbers=True),
                *(
                    _metric_column(
                        metric, [_spread(row, metric, row is not rows[0]) for row in rows]
                    )
                    for metric in comparison.metrics
                ),
            ]
        ],
        "changes from the baseline on the same seeds: mean ± standard deviation",
        [left_out] if comparison.unmatched else [],
        bold=0,
    )


def _spread(row: Configuration, metric: str, percent: bool) -> str:
    spread = row.values[metric]
    if not percent:
        around = "" if spread.deviation is None else f" ± {number(spread.deviation)}"
        return f"{number(spread.mean)}{around}"
    around = "" if spread.deviation is None else f" ± {spread.deviation:.2f}"
    return f"{spread.mean:+.2f}%{around}"


def _published_changes(published: Published) -> Sheet:
    rows = published.rows
    return Sheet(
        [Column("data", [row.data for row in rows])],
        [
            [
                Column("resolution", [str(row.resolution) for row in rows], numbers=True),
                Column("fid", [_change(row.fid) for row in rows], numbers=True),
                Column("training time", [_change(row.time) for row in rows], numbers=True),
            ]
        ],
        published.source,
        [published.note],
    )


def _change(percent: float | None) -> str:
    return "" if percent is None else f"{percent:+.2f}%"
