"""Closing summary of a study: its front, where files are, and next commands."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table

from gansearch.paths import command
from gansearch.report.front.estimates import last_report
from gansearch.report.front.selection import Selection
from gansearch.report.tables import front_table
from gansearch.text.readable import number

if TYPE_CHECKING:
    from gansearch.record import StudyRecord
    from gansearch.space import Space


def summary(
    space: Space, record: StudyRecord, results: Path, selection: Selection | None
) -> RenderableType:
    """Make the front of a study, its trials by outcome, and the commands for next steps.

    Args:
        space: space of the study.
        record: record of the study at its end.
        results: results folder of the study.
        selection: the front, or ``None`` if the trials cannot be ranked.
    """
    steps = _next_steps(space, record, results, selection)
    if selection is None:
        return steps
    return Group(front_table(selection, f"Pareto front of {record.name}"), steps)


def _next_steps(
    space: Space, record: StudyRecord, results: Path, selection: Selection | None
) -> Table:
    outcomes = Counter(str(t.outcome or "unfinished") for t in record.trials)
    table = Table.grid(padding=(0, 2))
    table.add_row(
        "trials", ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in outcomes.items())
    )
    metric = space.quality.metric
    if (floor := record.tags.get(f"floor/{metric}")) is not None:
        words = f"{number(float(floor))}, real data against held-out real data"
        table.add_row(f"{metric} floor", words)
    if selection and selection.knee:
        chosen = selection.knee
        table.add_row(
            "samples", f"{last_report(chosen).checkpoint or 'not kept'} (trial {chosen.number})"
        )
        point = f"{record.name}/{chosen.number}"
        table.add_row("retrain", command("train", "--from", point, results=results))
        if not selection.rescored:
            table.add_row("rescore", command("rescore", record.name, results=results))
    table.add_row("show the front", command("pareto", record.name, results=results))
    if outcomes["unfinished"]:
        table.add_row("continue", command("resume", record.name, results=results))
    pages = space.tracking.uri is None
    ui = command("ui", results=results)
    table.add_row("show all trials", ui if pages else "on your MLflow server")
    return table
