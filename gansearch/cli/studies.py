"""Commands that run studies and list them: ``run``, ``resume``, ``rescore``, ``studies``."""

from __future__ import annotations

from typing import Annotated

import typer

from gansearch.cli.options import Results, StudyName
from gansearch.cli.spaces import SpaceFile
from gansearch.cli.terminal import observers, output_console, summarise
from gansearch.paths import RESULTS

PREPARING = "preparing images, metrics and Ray"
"""Printed before a study starts, because this takes several seconds."""


def run(
    file: SpaceFile,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the study.", show_default="SPACE-DATE-TIME"),
    ] = None,
    results: Results = RESULTS,
) -> None:
    """Search a space: train trials and select the Pareto front."""
    from gansearch import load_space, run_study

    space, console = load_space(file), output_console()
    console.print(f"{space.name}: {PREPARING}")
    record = run_study(space, name=name, results=results, observers=observers(console, results))
    summarise(console, record, results)


def resume(
    study: StudyName,
    trials: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="New total number of trials."),
    ] = None,
    max_kimg: Annotated[
        float | None,
        typer.Option(
            metavar="KIMG", min=0.001, help="New full budget of a trial, in thousands of images."
        ),
    ] = None,
    results: Results = RESULTS,
) -> None:
    """Continue a study, or give it more trials or a larger budget."""
    from gansearch import resume_study
    from gansearch.study.reading import study_exists

    console = output_console()
    if study_exists(study, results):
        console.print(f"{study}: {PREPARING}")
    record = resume_study(
        study,
        results=results,
        trials=trials,
        max_kimg=max_kimg,
        observers=observers(console, results),
    )
    summarise(console, record, results)


def rescore(
    study: StudyName,
    samples: Annotated[
        int | None,
        typer.Option(metavar="N", min=2, help="Samples per seed.", show_default="the space's"),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=2, help="Number of seeds of latents.", show_default="the space's"
        ),
    ] = None,
    trial: Annotated[
        list[int] | None,
        typer.Option(
            metavar="NUMBER", min=0, help="Trial to rescore besides the finalists; repeatable."
        ),
    ] = None,
    results: Results = RESULTS,
) -> None:
    """Evaluate a study's finalists again, with more samples and seeds."""
    from gansearch import rescore as rescore_study

    console = output_console()
    record = rescore_study(
        study,
        results=results,
        samples=samples,
        seeds=seeds,
        also=trial or (),
        observers=observers(console, results),
    )
    summarise(console, record, results)


def studies(results: Results = RESULTS) -> None:
    """List the studies in a results folder."""
    from gansearch import list_studies
    from gansearch.report.tables import studies_table

    output_console().print(studies_table(list_studies(results)))
