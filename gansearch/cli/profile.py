"""The ``profile`` command, registered in :mod:`gansearch.cli.app`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gansearch.cli.terminal import file_to_write, terminal


def profile(
    source: Annotated[
        str,
        typer.Argument(metavar="VARIANT", help="A variant, or a space's YAML: its first trial."),
    ],
    data: Annotated[
        str | None,
        typer.Option(help="digits, photos, mnist:PATH, cifar10:PATH, or a folder of images."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PARAMETER=VALUE", help="In place of its own; repeatable."),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=2, help="Real images in a step.")] = None,
    steps: Annotated[int, typer.Option(min=1, max=10_000, help="Rounds to time.")] = 20,
    plot: Annotated[
        Path | None,
        typer.Option(callback=file_to_write, help="The profile as PNG, PDF or SVG."),
    ] = None,
) -> None:
    """Show the time and memory of a training step on this device, by section and by block."""
    from gansearch.cli.options import scalars
    from gansearch.report.profiles import profile_tables, write_profile_plot
    from gansearch.report.style import format_of
    from gansearch.runs.profile import profile_source

    if plot:
        format_of(plot)  # before anything is timed
    settings = scalars("--set", setting or [])
    if batch_size is not None:
        settings["batch_size"] = batch_size
    found = profile_source(source, data, settings, steps=steps)
    console = terminal()
    console.print(profile_tables(found))
    if plot:
        write_profile_plot(found, plot)
        console.print(f"plot: {plot}")
