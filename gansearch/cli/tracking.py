"""The MLflow commands ``sync`` and ``ui``, registered in :mod:`gansearch.cli.app`."""

from __future__ import annotations

from typing import Annotated

import typer

from gansearch.cli.terminal import RESULTS, Results, StudyName, terminal


def sync(study: StudyName, results: Results = RESULTS) -> None:
    """Write to MLflow what it missed while its server was unreachable."""
    from gansearch.study.run import load_study
    from gansearch.tracking import sync as sync_study

    space, record = load_study(study, results)
    sync_study(space, record, results)
    terminal().print(f"{study}: {len(record.trials)} trials are in MLflow")


def ui(
    results: Results = RESULTS,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on loopback.")] = 5000,
) -> None:
    """Open MLflow's pages of a results folder, on loopback."""
    from gansearch.tracking import serve

    serve(results, port)
