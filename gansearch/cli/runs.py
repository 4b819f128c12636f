"""Commands about one configuration outside a study: train, sample, evaluate, profile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gansearch.cli.options import (
    Plot,
    Results,
    file_to_write,
    folder_to_write,
    seed_in_range,
    seeds_in_range,
)
from gansearch.cli.terminal import output_console
from gansearch.errors import UsageError
from gansearch.paths import RESULTS, SAMPLES_FILE, TRAINED

if TYPE_CHECKING:
    from gansearch.runs.retrain import TrainedRun

DATA = "digits, photos, mnist:PATH, cifar10:PATH, a folder of images"
"""Data sets that an option takes, for its help."""


def train(
    source: Annotated[
        str,
        typer.Option(
            "--from", metavar="RUN", help="STUDY/TRIAL, ID of an MLflow run, or a config.json."
        ),
    ],
    kimg: Annotated[
        float | None,
        typer.Option(
            metavar="KIMG",
            min=0.001,
            help="Budget in thousands of images.",
            show_default="the run's",
        ),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N", callback=seeds_in_range, help="Seed; repeatable.", show_default="the run's"
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER", callback=folder_to_write, help="Folder for weights and samples."
        ),
    ] = TRAINED,
    results: Results = RESULTS,
) -> None:
    """Train one configuration again, for longer or with other seeds."""
    from gansearch import retrain
    from gansearch.text.readable import number

    console = output_console()

    def show(run: TrainedRun) -> None:
        metrics = (name for name in run.report.protocols if name in run.report.metrics)
        values = "  ".join(f"{name} {number(run.report.metrics[name])}" for name in metrics)
        console.print(f"{run.folder}: {run.report.kimg:g} kimg  {values}")

    retrain(source, max_kimg=kimg, seeds=seed or (), out=out, results=results, on_run=show)


def sample(
    checkpoint: Annotated[
        str, typer.Argument(help="checkpoint.pt, its folder, a run's folder, or STUDY/TRIAL.")
    ],
    count: Annotated[
        int, typer.Option(metavar="N", min=1, max=10_000, help="Number of images in the grid.")
    ] = 64,
    seed: Annotated[
        int, typer.Option(metavar="N", callback=seed_in_range, help="Seed of the latents.")
    ] = 0,
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", callback=file_to_write, help="Image file of the grid."),
    ] = Path(SAMPLES_FILE),
    results: Results = RESULTS,
) -> None:
    """Write a grid of images that a checkpoint's generator makes."""
    from gansearch import sample as draw_sample

    draw_sample(checkpoint, count=count, seed=seed, out=out, results=results)
    output_console().print(f"{count} images: {out}")


def evaluate(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="checkpoint.pt, its folder, a run's folder, STUDY/TRIAL, a folder of images, or "
            "an .npz with statistics.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help=f"{DATA}, or an .npz of pytorch-fid.",
            show_default="the checkpoint's training data",
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC", help="Metric to compute; repeatable.", show_default="the checkpoint's"
        ),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(metavar="N", min=2, help="Number of images per seed.")
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N",
            callback=seeds_in_range,
            help="Seed of the latents; several give an interval.",
        ),
    ] = None,
    resolution: Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS", min=1, help="Resolution to crop and resize a folder's images to."
        ),
    ] = None,
    resize: Annotated[
        str | None,
        typer.Option(
            metavar="TOOL",
            help="Resize for Inception as pytorch-fid, clean-fid or torch-fidelity does.",
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Inception weights of pytorch-fid.",
            show_default="those in torch's cache",
        ),
    ] = None,
    save_stats: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz",
            callback=file_to_write,
            help="Write the statistics of --against in pytorch-fid's format.",
        ),
    ] = None,
    results: Results = RESULTS,
) -> None:
    """Evaluate a checkpoint or a folder of images against a data set."""
    from gansearch import evaluate as evaluate_source
    from gansearch import save_statistics
    from gansearch.report.tables import scores_table

    if source is None and save_stats is None:
        raise UsageError("there is nothing to evaluate: give a SOURCE, or --save-stats FILE.npz")
    if save_stats is not None and (against is None or against.endswith(".npz")):
        raise UsageError("--save-stats needs --against: the data whose statistics are written")
    if save_stats is not None and save_stats.suffix != ".npz":
        raise UsageError(f"{save_stats}: should end in .npz")
    console = output_console()
    if source is not None:
        values = evaluate_source(
            source,
            against,
            metrics=metric or (),
            samples=samples,
            seeds=seed or (),
            resolution=resolution,
            resize=resize,
            weights=weights,
            results=results,
        )
        console.print(scores_table((each.metric, each.values, each.protocol) for each in values))
    if save_stats is not None and against is not None:
        save_statistics(
            against,
            save_stats,
            metric=metric[0] if metric else None,
            resolution=resolution,
            resize=resize,
            weights=weights,
        )
        console.print(f"statistics of {against}: {save_stats}")


def profile(
    source: Annotated[
        str,
        typer.Argument(
            metavar="VARIANT", help="A variant, or a space's YAML file for its first trial."
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(metavar="DATA", help=f"{DATA}.", show_default="the space's or digits"),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PARAMETER=VALUE", help="Value of a setting; repeatable."),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(metavar="N", min=2, help="Real images per step.")
    ] = None,
    steps: Annotated[
        int, typer.Option(metavar="N", min=1, max=10_000, help="Number of rounds to time.")
    ] = 20,
    plot: Plot = None,
) -> None:
    """Measure time and memory of a training step, by section and block."""
    from gansearch import profile as profile_training
    from gansearch.cli.parse import scalars
    from gansearch.report.profiles import profile_tables, write_profile_plot
    from gansearch.report.style import format_of

    if plot:
        format_of(plot)  # before anything is timed
    settings = scalars("--set", setting or [])
    if batch_size is not None:
        settings["batch_size"] = batch_size
    measured = profile_training(source, data=data, settings=settings, steps=steps)
    console = output_console()
    console.print(profile_tables(measured))
    if plot:
        write_profile_plot(measured, plot)
        console.print(f"plot: {plot}")
