"""The front as a table on a terminal and as a CSV file; comparisons as tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from gansearch.metrics.catalog import METRICS
from gansearch.paths import written_atomically
from gansearch.report.comparison import Comparison, Spread
from gansearch.report.published import Published
from gansearch.report.selection import Selection
from gansearch.report.standing import Interval

if TYPE_CHECKING:
    from gansearch.record import TrialRecord
    from gansearch.settings import Scalar

MAX_PARAMETERS = 8
"""Columns of parameters that a terminal has room for; the CSV has all of them."""


def front_table(selection: Selection, title: str = "Pareto front") -> Table:
    """The front, its objectives with their units, and the parameters that tell its points apart.

    Args:
        selection: the front; the recommended point is marked.
        title: above the table.
    """
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", style="bold green")
    table.add_column("trial", justify="right")
    table.add_column("variant")
    for objective in selection.objectives:
        table.add_column(_heading(objective.metric), justify="right", style="cyan")
    if selection.repeated:
        table.add_column("n", justify="right")
    parameters = _telling(selection)[:MAX_PARAMETERS]
    for name in parameters:
        table.add_column(name, justify="right", style="dim", overflow="fold")
    for trial in selection.front:
        knee = trial is selection.knee
        metrics = [objective.metric for objective in selection.objectives]
        table.add_row(
            "★" if knee else "",
            str(trial.number),
            str(trial.params.get("variant", "")),
            *(measured(selection, trial, metric) for metric in metrics),
            *([trainings(selection, trial)] if selection.repeated else []),
            *(along(trial, name) for name in parameters),
            style="bold" if knee else None,
        )
    table.caption = escape("\n".join(notes(selection))) or None
    table.caption_justify = "left"
    return table


def scores_table(rows: Iterable[tuple[str, Sequence[float], str]]) -> Table:
    """Metrics, their values by seed, and the protocol that these were measured by."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("metric")
    table.add_column("value", justify="right", style="cyan")
    table.add_column("protocol", style="dim", overflow="fold")
    for metric, values, protocol in rows:
        interval = Interval.of(values)
        single = interval.half is None
        value = f"{interval.mean:.6g}" if single else with_interval(interval)
        table.add_row(metric, value, escape(protocol))
        if not single:
            table.caption = "mean ± 95% interval over the seeds, by Student's t"
    return table


def studies_table(names: Iterable[str]) -> Table:
    """The studies of a results folder, oldest first."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("study")
    for name in names:
        table.add_row(name)
    return table


def write_csv(selection: Selection, path: Path) -> None:
    """Write the front as CSV: every parameter and metric, at full precision."""
    with written_atomically(path) as temporary:
        selection.table.to_csv(temporary, index=False, lineterminator="\n")


def number(value: Scalar | None) -> str:
    """A value in few characters: four significant digits, nothing for what was not asked."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def along(trial: TrialRecord, name: str) -> str:
    """A parameter's value, or its values along a schedule: ``0.002 → 0.001``."""
    values = [stage.get(name) for stage in (*(a.params for a in trial.lineage), trial.params)]
    return " → ".join(number(value) for value, _ in groupby(values))


def measured(selection: Selection, trial: TrialRecord, metric: str) -> str:
    """A value, with its interval where it is a mean: ``1.234 ± 0.051``."""
    interval = selection.interval(trial, metric)
    return number(selection.values(trial)[metric]) if interval is None else with_interval(interval)


def trainings(selection: Selection, trial: TrialRecord) -> str:
    """How many trainings a point is the mean of, where some were lost of how many: ``2 of 3``."""
    counted, lost = len(selection.trainings(trial)), selection.lost(trial)
    return f"{counted} of {counted + lost}" if lost else str(counted)


def notes(selection: Selection) -> Iterator[str]:
    """What a reader of the front has to know, a line each."""
    if selection.message:
        yield selection.message
    for metric in sorted(selection.scored) if selection.front else ():
        score = selection.front[0].scores[metric]
        yield (
            f"{metric}: mean ± 95% interval (Student's t, {len(score.seeds)} seeds of latents); "
            f"{score.protocol}"
        )
    if selection.repeated:
        yield (
            "n trainings, each with a seed of its own: mean ± 95% interval over their seeds "
            "(Student's t)"
        )
    if any(map(selection.lost, selection.front)):
        yield (
            "of n where n trainings completed, the others diverged, ran out of memory or were "
            "stopped: the mean is of those that completed, and keeps no configuration off the "
            "front that loses fewer"
        )
    if selection.unscored:
        options = " ".join(f"--trial {trial.number}" for trial in selection.unscored)
        yield (
            "not ranked, since they were not scored again as the others were: trials "
            f"{_numbers(selection.unscored)}; `gansearch rescore STUDY {options}` scores them"
        )
    if selection.disturbed:
        yield (
            "seconds_per_kimg was never measured alone, so that other work may be in it: "
            f"trials {_numbers(selection.disturbed)}; "
            "`gansearch pareto STUDY --min measured_alone=1` leaves them out"
        )


def with_interval(interval: Interval) -> str:
    """A mean and half its interval's width, to the same digit: ``1.234 ± 0.051``."""
    if not interval.half:
        return number(interval.mean)
    decimals = max(0, 1 - math.floor(math.log10(interval.half)))
    return f"{interval.mean:.{decimals}f} ± {interval.half:.{decimals}f}"


def _numbers(trials: Iterable[TrialRecord]) -> str:
    return ", ".join(str(trial.number) for trial in trials)


def _heading(metric: str) -> str:
    unit = METRICS[metric].unit
    return f"{metric}\n[dim]{unit}[/dim]" if unit else metric


def _telling(selection: Selection) -> list[str]:
    """Parameters that vary in the study and are not the same all over its front."""
    front = selection.front
    return [
        name
        for name in selection.varied
        if len(front) < 2 or len({trial.params.get(name) for trial in front}) > 1
    ]


def comparison_tables(comparison: Comparison, published: Iterable[Published]) -> RenderableType:
    """A comparison with its baseline on top, and beside it what papers publish.

    Args:
        comparison: of a study's configurations.
        published: the papers' tables.
    """
    return Group(_own_changes(comparison), *map(_published_changes, published))


def _own_changes(comparison: Comparison) -> Table:
    left_out = f"left out, on none of the baseline's seeds: {len(comparison.unmatched)}"
    table = Table(
        title="changes from the baseline on the same seeds: mean ± standard deviation",
        title_justify="left",
        caption=left_out if comparison.unmatched else None,
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for name in comparison.varied:
        table.add_column(name)
    table.add_column("seeds", justify="right")
    for metric in comparison.metrics:
        table.add_column(_heading(metric), justify="right", style="cyan")
    for row, percent in ((comparison.baseline, False), *((r, True) for r in comparison.others)):
        table.add_row(
            *(number(row.params.get(name)) for name in comparison.varied),
            str(len(row.seeds)),
            *(_spread(row.values[metric], percent) for metric in comparison.metrics),
            style=None if percent else "bold",
            end_section=not percent,
        )
    return table


def _spread(spread: Spread, percent: bool) -> str:
    if not percent:
        around = "" if spread.deviation is None else f" ± {number(spread.deviation)}"
        return f"{number(spread.mean)}{around}"
    around = "" if spread.deviation is None else f" ± {spread.deviation:.2f}"
    return f"{spread.mean:+.2f}%{around}"


def _published_changes(published: Published) -> Table:
    table = Table(
        "data",
        "resolution",
        "fid",
        "training time",
        title=published.source,
        title_justify="left",
        caption=published.note,
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for row in published.rows:
        changes = ("" if c is None else f"{c:+.2f}%" for c in (row.fid, row.time))
        table.add_row(row.data, str(row.resolution), *changes)
    return table
