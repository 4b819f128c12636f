"""The ``evaluate`` and ``rescore`` commands, registered in :mod:`gansearch.cli.app`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gansearch.cli.terminal import (
    LARGEST_SEED,
    RESULTS,
    Results,
    StudyName,
    file_to_write,
    observers,
    summarise,
    terminal,
)
from gansearch.errors import UsageError


def evaluate(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="A checkpoint.pt, its folder or a run's, STUDY/TRIAL, an image folder, or .npz.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="digits, photos, mnist:PATH, cifar10:PATH, a folder of images, or .npz of "
            "pytorch-fid's; without it what the checkpoint was trained on.",
        ),
    ] = None,
    metric: Annotated[list[str] | None, typer.Option(help="What to measure; repeatable.")] = None,
    samples: Annotated[int | None, typer.Option(min=2, help="Images scored, per seed.")] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(
            min=0,
            max=LARGEST_SEED,
            help="Seed of the latent vectors; repeated, for an interval.",
        ),
    ] = None,
    resolution: Annotated[
        int | None,
        typer.Option(min=1, help="Pixels that a folder's images are cropped and resized to."),
    ] = None,
    resize: Annotated[
        str | None,
        typer.Option(help="Resize to Inception's 299 as pytorch-fid, clean-fid or torch-fidelity."),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="pytorch-fid's Inception weights, if not in torch's cache.")
    ] = None,
    save_stats: Annotated[
        Path | None,
        typer.Option(
            callback=file_to_write,
            metavar="FILE.npz",
            help="Write the statistics of DATA as pytorch-fid's.",
        ),
    ] = None,
    results: Results = RESULTS,
) -> None:
    """Evaluate a checkpoint or a folder of images against a data set or a statistics file."""
    from gansearch.report.tables import scores_table
    from gansearch.runs.evaluate import Wanted, save_statistics
    from gansearch.runs.evaluate import evaluate as score

    if source is None and save_stats is None:
        raise UsageError("there is nothing to score: give a SOURCE, or --save-stats FILE.npz")
    if save_stats is not None and (against is None or against.endswith(".npz")):
        raise UsageError("--save-stats needs --against: the data whose statistics are written")
    if save_stats is not None and save_stats.suffix != ".npz":
        raise UsageError(f"{save_stats}: should end in .npz")
    wanted = Wanted(tuple(metric or ()), samples, tuple(seed or ()), resolution, resize, weights)
    console = terminal()
    if source is not None:
        found = score(source, against, wanted, results=results)
        console.print(scores_table((each.metric, each.values, each.protocol) for each in found))
    if save_stats is not None and against is not None:
        save_statistics(against, wanted, save_stats)
        console.print(f"statistics of {against}: {save_stats}")


def rescore(
    study: StudyName,
    results: Results = RESULTS,
    samples: Annotated[
        int | None, typer.Option(min=2, help="Images per seed, if not as the space says.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=2, help="Seeds of latents, if not as the space says.")
    ] = None,
    trial: Annotated[
        list[int] | None, typer.Option(min=0, help="Trial to score as well; repeatable.")
    ] = None,
) -> None:
    """Rescore a study's finalists from their weights, with more samples and several seeds."""
    from gansearch.study.run import rescore_study

    console = terminal()
    rescore_study(
        study,
        results=results,
        samples=samples,
        seeds=seeds,
        also=trial or (),
        observers=observers(console, results),
    )
    summarise(console, study, results)
