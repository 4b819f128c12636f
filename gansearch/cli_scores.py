"""The commands that score images and weights; :mod:`gansearch.cli` has them beside its own."""

from __future__ import annotations

from typing import Annotated

import typer

from gansearch.terminal import RESULTS, Results, StudyName, observers, summarise, terminal


def rescore(
    study: StudyName,
    results: Results = RESULTS,
    samples: Annotated[
        int | None, typer.Option(min=2, help="Images per seed, if not as the space says.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=2, help="Seeds of latents, if not as the space says.")
    ] = None,
    objective: Annotated[
        list[str] | None, typer.Option(help="Metric to trade off, if not the space's; repeatable.")
    ] = None,
) -> None:
    """Score a study's front again from its weights, with more samples and several seeds."""
    from gansearch.study import rescore_study

    console = terminal()
    rescore_study(
        study,
        results=results,
        samples=samples,
        seeds=seeds,
        objectives=objective,
        observers=observers(console, results),
    )
    summarise(console, study, results)
