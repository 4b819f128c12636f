"""Commands about the results of a study: ``pareto``, ``compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gansearch.cli.options import Plot, Results, StudyName, file_to_write
from gansearch.cli.terminal import check_front, output_console
from gansearch.paths import RESULTS


def pareto(
    study: StudyName,
    objective: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC", help="Metric to trade off; repeatable.", show_default="the space's"
        ),
    ] = None,
    at_most: Annotated[
        list[str] | None,
        typer.Option("--max", metavar="METRIC=VALUE", help="Upper bound; repeatable."),
    ] = None,
    at_least: Annotated[
        list[str] | None,
        typer.Option("--min", metavar="METRIC=VALUE", help="Lower bound; repeatable."),
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=WEIGHT",
            help="Weight of an objective in the recommendation; repeatable.",
        ),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", callback=file_to_write, help="Also write the front as CSV."),
    ] = None,
    plot: Plot = None,
    results: Results = RESULTS,
) -> None:
    """Print the Pareto front of a study and its recommended trial.

    An empty front ends with its reason and exit code 1; CSV and plot are written.
    """
    from gansearch import pareto_front
    from gansearch.cli.parse import bounds, numbers
    from gansearch.report.plots import write_front_plot
    from gansearch.report.style import format_of
    from gansearch.report.tables import front_table, write_csv

    if plot:
        format_of(plot)  # before the table is written
    selection = pareto_front(
        study,
        results=results,
        objectives=objective,
        bounds=bounds(at_least or [], at_most or []),
        weights=numbers("--weight", weight) if weight else None,
    )
    console = output_console()
    if selection.front:
        console.print(front_table(selection, f"Pareto front of {study}"))
    if csv:
        write_csv(selection, csv)
        console.print(f"table: {csv}")
    if plot:
        write_front_plot(selection, plot)
        console.print(f"plot: {plot}")
    check_front(selection, study)


def compare(
    study: StudyName,
    baseline: Annotated[
        list[str],
        typer.Option(
            metavar="PARAMETER=VALUE",
            help="Parameter value that identifies the baseline; repeatable.",
        ),
    ],
    results: Results = RESULTS,
) -> None:
    """Compare configurations with a baseline on the same seeds."""
    from gansearch import compare as compare_study
    from gansearch.cli.parse import assignments
    from gansearch.report.published import PUBLISHED
    from gansearch.report.tables import comparison_tables

    comparison = compare_study(study, assignments("--baseline", baseline), results=results)
    configurations = (comparison.baseline, *comparison.others)
    variants = dict.fromkeys(str(each.params["variant"]) for each in configurations)
    published = [PUBLISHED[variant] for variant in variants if variant in PUBLISHED]
    output_console().print(comparison_tables(comparison, published))
