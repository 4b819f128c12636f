"""Commands about MLflow: ``sync``, ``ui``."""

from __future__ import annotations

from typing import Annotated

import typer

from gansearch.cli.options import Results, StudyName
from gansearch.cli.terminal import output_console
from gansearch.paths import RESULTS


def sync(study: StudyName, results: Results = RESULTS) -> None:
    """Write to MLflow what is missing there of a study."""
    from gansearch import sync as sync_study

    record = sync_study(study, results=results)
    output_console().print(f"{study}: {len(record.trials)} trials are in MLflow")


def ui(
    results: Results = RESULTS,
    port: Annotated[
        int, typer.Option(metavar="PORT", min=1, max=65535, help="Port on 127.0.0.1.")
    ] = 5000,
) -> None:
    """Serve MLflow's pages of a results folder until Ctrl-C."""
    from gansearch import serve_ui

    serve_ui(results, port=port)
