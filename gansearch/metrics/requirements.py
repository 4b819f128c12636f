"""Checks that the images suffice for the metrics, before training or evaluation."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from gansearch.config import EvaluationConfig
from gansearch.data import Images, ImageSet
from gansearch.data.conditions import class_labels, drawn_conditions
from gansearch.errors import ConfigError, DataError
from gansearch.metrics.catalog import METRICS, Counts, shortages


def check_run(config: EvaluationConfig, images: Images) -> None:
    """Check that samples and images suffice for every metric of a run.

    Raises:
        ConfigError: there are too few samples or images, in total or of a class.
        DataError: all training images are equal.
    """
    finalists = [] if config.finalists is None else [config.finalists.samples]
    check_images(config.metrics, min([config.samples, *finalists]), images)
    generator = torch.Generator().manual_seed(config.seed)
    refuse_few(
        config.metrics, images.train, drawn_conditions(images.train, config.samples, generator)
    )
    if is_one_image(images.train):
        raise DataError("the training images are all the same: there is nothing to learn")


def check_images(
    metrics: Iterable[str], samples: int, images: Images, *, compared: bool = True
) -> None:
    """Check that the number of samples and the real images suffice for the metrics.

    Args:
        metrics: names of the metrics.
        samples: number of images to evaluate.
        images: training and held-out images.
        compared: whether samples are compared with the training images; false if a statistics file
            replaces them.

    Raises:
        ConfigError: there are too few images, or a metric by class has no labels.
    """
    train, heldout = images.train, images.heldout
    for name in metrics:
        if METRICS[name].by_class and train.labels is None:
            raise ConfigError(f"{name} is computed by class, and these images have no labels")
    have = Counts(
        samples=samples,
        real=len(train) if compared else None,
        heldout=0 if heldout is None else len(heldout),
        resolution=train.spec.resolution,
    )
    _refuse(shortages(metrics, have))
    if compared:
        count, named = _smallest_class(train, torch.arange(len(train)))
        _refuse([line + named for line in shortages(metrics, Counts(real_of_class=count))])


def refuse_few(metrics: Iterable[str], images: ImageSet, rows: Tensor) -> None:
    """Check that images at ``rows`` of a set, or samples of their classes, suffice for the metrics.

    Raises:
        ConfigError: there are too few images, in total or of a class.
    """
    _refuse(lacking(metrics, images, rows))


def lacking(metrics: Iterable[str], images: ImageSet, rows: Tensor) -> list[str]:
    """Messages of :func:`refuse_few`, one line each; empty if all suffices."""
    count, named = _smallest_class(images, rows)
    names = list(metrics)
    of_class = shortages(names, Counts(samples_of_class=count))
    return [*shortages(names, Counts(samples=len(rows))), *(line + named for line in of_class)]


def _smallest_class(images: ImageSet, rows: Tensor) -> tuple[int | None, str]:
    """Count of the rarest class among ``rows`` and its name; ``None`` and "" without labels."""
    labels = class_labels(images)
    if labels is None:
        return None, ""
    counts = labels[rows].bincount(minlength=images.spec.classes)
    return int(counts.min()), f" of class {int(counts.argmin())}"


def _refuse(lines: list[str]) -> None:
    if lines:
        raise ConfigError("\n".join(lines))


def is_one_image(images: ImageSet) -> bool:
    """Whether all images of a set are equal; stops reading once images differ."""
    first = images.pixels[images.rows[:1]]
    parts = torch.split(images.rows, 64)
    return all(bool((images.pixels[rows] == first).all()) for rows in parts)
