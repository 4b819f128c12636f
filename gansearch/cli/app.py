"""The commands. Each imports its layer inside itself, so that ``--help`` answers at once."""

from __future__ import annotations

import atexit
import gc
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import gansearch
from gansearch.cli import profile, scores, tracking
from gansearch.cli.terminal import (
    LARGEST_SEED,
    RESULTS,
    Results,
    StudyName,
    check_front,
    fail,
    file_to_write,
    folder_to_write,
    observers,
    prepare_streams,
    summarise,
    terminal,
)
from gansearch.errors import GansearchError, UsageError
from gansearch.study.signals import EXIT_AT_ONCE, INTERRUPTED, end_process

_CONTEXT = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="gansearch",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=_CONTEXT,
)


def print_version(asked: bool) -> None:
    """Print the version if it is asked for, and exit."""
    if asked:
        typer.echo(f"gansearch {gansearch.__version__}")
        raise typer.Exit


@app.callback()
def every_command(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Distributed hyperparameter search for GANs: a YAML space in, a Pareto front out."""


SpaceFile = Annotated[Path, typer.Argument(metavar="SPACE", help="A space's YAML file.")]


@app.command()
def check(file: SpaceFile) -> None:
    """Check a space, print it as a table, and check that this machine has what a run needs."""
    from gansearch.space import load_space
    from gansearch.space.table import render
    from gansearch.study.availability import check_available

    space = load_space(file)
    terminal().print(render(space))
    check_available(space)


@app.command()
def variants(
    name: Annotated[str | None, typer.Argument(help="One variant: list its parameters.")] = None,
) -> None:
    """List the GAN variants, or the parameters of one."""
    from gansearch.variants.table import render

    terminal().print(render(name))


@app.command()
def run(
    file: SpaceFile,
    name: Annotated[str | None, typer.Option(help="The study's name, if not a new one.")] = None,
    results: Results = RESULTS,
) -> None:
    """Search a space: train its trials in parallel and select the Pareto front."""
    from gansearch.space import load_space
    from gansearch.study.run import run_study

    space, console = load_space(file), terminal()
    console.print(f"{space.name}: images, metrics and Ray are being prepared")
    record = run_study(space, name=name, results=results, observers=observers(console, results))
    summarise(console, record.name, results)


@app.command()
def resume(
    study: StudyName,
    results: Results = RESULTS,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Trials in all, if not as many as before.")
    ] = None,
    max_kimg: Annotated[
        float | None, typer.Option(min=0.001, help="Full budget of a trial, if not as before.")
    ] = None,
) -> None:
    """Resume a study that was interrupted, or give one more trials or a larger budget."""
    from gansearch.study.run import load_study, resume_study

    console = terminal()
    load_study(study, results)  # fail before any preparation if there is no such study
    console.print(f"{study}: images, metrics and Ray are being prepared")
    resume_study(
        study,
        results=results,
        trials=trials,
        max_kimg=max_kimg,
        observers=observers(console, results),
    )
    summarise(console, study, results)


@app.command()
def studies(results: Results = RESULTS) -> None:
    """List the studies in a results folder."""
    from gansearch.report.tables import studies_table
    from gansearch.study.run import list_studies

    terminal().print(studies_table(list_studies(results)))


@app.command()
def pareto(
    study: StudyName,
    results: Results = RESULTS,
    objective: Annotated[
        list[str] | None, typer.Option(help="Metric to trade off, if not the space's; repeatable.")
    ] = None,
    at_most: Annotated[
        list[str] | None,
        typer.Option("--max", metavar="METRIC=VALUE", help="Greatest value allowed; repeatable."),
    ] = None,
    at_least: Annotated[
        list[str] | None,
        typer.Option("--min", metavar="METRIC=VALUE", help="Least value allowed; repeatable."),
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(metavar="METRIC=WEIGHT", help="Preference by objective; repeatable."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(callback=file_to_write, help="Write the front as CSV.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(callback=file_to_write, help="The front as PNG, PDF or SVG."),
    ] = None,
) -> None:
    """Print the Pareto front of a study and its recommended trial.

    An empty front is an error with its reason and exit code 1; CSV and plot are written all the
    same.
    """
    from gansearch.cli.options import bounds, numbers
    from gansearch.report.plots import write_front_plot
    from gansearch.report.style import kind_of
    from gansearch.report.tables import front_table, write_csv
    from gansearch.study.run import load_study, pareto_front

    if plot:
        kind_of(plot)  # before the table is written
    selection = pareto_front(
        study,
        results=results,
        objectives=objective,
        bounds=bounds(at_least or [], at_most or []),
        weights=numbers("--weight", weight) if weight else None,
    )
    console = terminal()
    if selection.front:
        console.print(front_table(selection, f"Pareto front of {study}"))
    if csv:
        write_csv(selection, csv)
        console.print(f"table: {csv}")
    if plot:
        write_front_plot(selection, load_study(study, results)[1], plot)
        console.print(f"plot: {plot}")
    check_front(selection, study)


@app.command()
def compare(
    study: StudyName,
    baseline: Annotated[
        list[str],
        typer.Option(metavar="PARAMETER=VALUE", help="What the baseline alone has; repeatable."),
    ],
    results: Results = RESULTS,
) -> None:
    """Compare a study's configurations with a baseline on the same seeds, in percent."""
    from gansearch.cli.options import assignments
    from gansearch.report.front.comparison import compare as compare_configurations
    from gansearch.report.published import PUBLISHED
    from gansearch.report.tables import comparison_tables
    from gansearch.study.run import load_study

    space, record = load_study(study, results)
    comparison = compare_configurations(space, record, assignments("--baseline", baseline))
    published = [PUBLISHED[variant] for variant in space.variant if variant in PUBLISHED]
    terminal().print(comparison_tables(comparison, published))


@app.command()
def train(
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="RUN",
            help="What to train: STUDY/TRIAL, an MLflow run's id, or a config.json.",
        ),
    ],
    kimg: Annotated[float | None, typer.Option(min=0.001, help="Budget, if not the run's.")] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(min=0, max=LARGEST_SEED, help="Seed, if not the run's; repeatable."),
    ] = None,
    out: Annotated[
        Path, typer.Option(callback=folder_to_write, help="Folder of the weights and sample grids.")
    ] = Path("trained"),
    results: Results = RESULTS,
) -> None:
    """Train one configuration again: longer, or with other seeds."""
    from gansearch.runs.retrain import find_config, retrain
    from gansearch.text.readable import number

    console = terminal()
    config = find_config(source, results)
    for report, folder in retrain(config, max_kimg=kimg, seeds=seed or [config.seed], out=out):
        measured = (name for name in report.protocols if name in report.metrics)
        values = "  ".join(f"{name} {number(report.metrics[name])}" for name in measured)
        console.print(f"{folder}: {report.kimg:g} kimg  {values}")


@app.command()
def sample(
    checkpoint: Annotated[
        str, typer.Argument(help="A checkpoint.pt, its folder, that of a run, or STUDY/TRIAL.")
    ],
    count: Annotated[int, typer.Option(min=1, max=10_000, help="Images in the grid.")] = 64,
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the latent vectors.")
    ] = 0,
    out: Annotated[Path, typer.Option(callback=file_to_write, help="The PNG to write.")] = Path(
        "samples.png"
    ),
    results: Results = RESULTS,
) -> None:
    """Write a grid of images that a checkpoint generates."""
    from gansearch.runs.retrain import sample_checkpoint

    sample_checkpoint(checkpoint, count=count, seed=seed, out=out, results=results)
    terminal().print(f"{count} images: {out}")


app.command()(scores.evaluate)
app.command()(scores.rescore)
app.command()(profile.profile)
app.command()(tracking.sync)
app.command()(tracking.ui)


def run_command(arguments: Sequence[str]) -> None:
    """Run the application, or the command named first by itself.

    An application builds all its commands and options before it runs one.
    """
    name = next(iter(arguments), "")
    callbacks = (command.callback for command in app.registered_commands)
    command = next((each for each in callbacks if each and each.__name__ == name), None)
    if command in (check, variants):
        atexit.register(gc.freeze)  # they make no garbage worth collecting, not even at the end
    else:
        gc.enable()  # __main__ disables it
    if command is None:
        app()
        return
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(context_settings=_CONTEXT)(command)
    alone(arguments[1:], prog_name=f"gansearch {name}")


def main() -> None:
    """Run the command.

    Wrong input, and what this machine refuses, end with one readable error and exit code 2. A
    diverged run or an empty front ends with one and exit code 1. Ctrl-C gives 130, SIGTERM 143.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    prepare_streams()
    try:
        run_command(sys.argv[1:])
        sys.stdout.flush()
    except GansearchError as error:
        fail(str(error), 2 if isinstance(error, UsageError) else 1)
    except OSError as error:  # a file that cannot be read or written, a full disk
        fail(f"{error.filename or 'output'}: {error.strerror or error}", 2)
    except SystemExit as ended:
        if ended.code in INTERRUPTED:
            end_process(int(ended.code), f"interrupted; {EXIT_AT_ONCE.advice}")
        raise
