"""Checks before a study starts, so that it does not fail later."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile

import torch

from gansearch.data import Images, load_images
from gansearch.errors import DataError, StudyError
from gansearch.metrics.evaluator import Evaluator
from gansearch.metrics.requirements import check_run
from gansearch.paths import command
from gansearch.record import StudyRecord
from gansearch.space import Space


def check_name(name: str, results: Path, taken: Sequence[str]) -> None:
    """Check that a new study in ``results`` can have ``name``.

    Raises:
        StudyError: the name is invalid or exists already, or a file is where its weights would go.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", name):
        raise StudyError(
            f"{name!r} cannot be a study's name: use letters, digits, _, . and -, "
            "beginning with a letter or digit"
        )
    if name in taken:
        raise StudyError(
            f"there is a study {name!r} already: continue it with "
            f"`{command('resume', name, results=results)}`, "
            "or choose another name"
        )
    if (storage := (results / name).absolute()).exists():
        raise StudyError(f"{storage} is in the way: choose another name, or move it")


def study_tags(space: Space) -> dict[str, str]:
    """Return the versions, host, data fingerprint and floors of a study, as tags."""
    images, evaluator = _images_and_evaluator(space)
    packages = {package: version(package) for package in ("gansearch", "torch", "ray", "optuna")}
    return {
        **packages,
        "python": platform.python_version(),
        "host": platform.node(),
        "data": images.train.fingerprint,
        "data.skipped": str(len(images.train.skipped)),
        **{f"floor/{metric}": str(value) for metric, value in evaluator.floor().items()},
    }


def _images_and_evaluator(space: Space) -> tuple[Images, Evaluator]:
    """Load the images and the evaluator, which need the same files as a trial.

    Workers find what the evaluator prepares in the cache.
    """
    images = load_images(space.data)
    evaluation = space.train_config(space.defaults()[0], seed=0).evaluation
    check_run(evaluation, images)
    return images, Evaluator(evaluation, evaluation.metrics, images, torch.device("cpu"))


def check_data(space: Space, record: StudyRecord) -> None:
    """Check that a study resumes with the same images.

    Raises:
        DataError: the images are missing, unreadable, or different.
        WeightsError: a metric's weights are missing or not the expected file.
    """
    now, then = _images_and_evaluator(space)[0].train.fingerprint, record.tags["data"]
    if now != then:
        raise DataError(
            f"study {record.name!r} began with other images: their fingerprint was {then}, "
            f"now it is {now}"
        )


def make_writable(results: Path) -> None:
    """Make the results folder, and check that it is writable.

    Raises:
        StudyError: it is not writable.
    """
    try:
        results.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=results):
            pass
    except OSError as error:
        raise StudyError(f"{results}: results cannot be written there: {error.strerror}") from None
