"""Evaluation of images or checkpoints against a data set or statistics file, outside studies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from pydantic import ValidationError

from gansearch.config import DataConfig, EvaluationConfig, TrainConfig, describe
from gansearch.data import Images, ImageSet, load_images
from gansearch.data.catalog import DATA_SETS
from gansearch.data.folder import native_side
from gansearch.errors import ConfigError, DataError, UsageError
from gansearch.hardware.device import best_device
from gansearch.metrics.catalog import METRICS, current_name
from gansearch.metrics.evaluator import Evaluator
from gansearch.metrics.features import FEATURES
from gansearch.metrics.frechet import frechet_distance
from gansearch.metrics.moments import FactoredMoments, Moments
from gansearch.metrics.reference import moments_of
from gansearch.metrics.requirements import refuse_few
from gansearch.metrics.statistics import Origin, Statistics, read_statistics, write_statistics
from gansearch.runs.retrain import checkpoint_config, find_checkpoint, holds_checkpoint
from gansearch.train.evaluation import CheckpointEvaluator
from gansearch.variants.catalog import CATALOG

SIDES = {data.name: data.side for data in DATA_SETS.values() if data.side}
"""Default resolution of each data set that has one."""


@dataclass(frozen=True)
class Scored:
    """Values of one metric.

    Attributes:
        metric: name of the metric.
        values: one value per seed.
        protocol: protocol of the values.
    """

    metric: str
    values: tuple[float, ...]
    protocol: str


@dataclass(frozen=True)
class Wanted:
    """Evaluation settings; defaults are the checkpoint's, or pytorch-fid's for images.

    Attributes:
        metrics: metric names; by default those of the checkpoint's run, or ``fid`` for images.
        samples: images per seed; by default as in the checkpoint's run, or all images.
        seeds: seeds of the latents; for images, seeds of the random subset.
        resolution: resolution in pixels; by default that of a folder's images.
        resize: a key of :data:`gansearch.metrics.resize.RESIZES`.
        weights: pytorch-fid's Inception weights.
    """

    metrics: tuple[str, ...] = ()
    samples: int | None = None
    seeds: tuple[int, ...] = ()
    resolution: int | None = None
    resize: str | None = None
    weights: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", tuple(map(current_name, self.metrics)))

    def config(self, usual: EvaluationConfig) -> EvaluationConfig:
        """Return ``usual`` with these settings applied.

        Raises:
            ConfigError: a value is out of range.
        """
        given: dict[str, Any] = {
            "metrics": self.metrics or None,
            "samples": self.samples,
            "resize": self.resize,
            "inception_weights": self.weights,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        try:
            return EvaluationConfig.model_validate({**usual.model_dump(), **changes})
        except ValidationError as error:
            raise ConfigError(describe(error)) from None


def evaluate(
    source: str, against: str | None, wanted: Wanted, *, results: Path
) -> tuple[Scored, ...]:
    """Evaluate a checkpoint or images.

    Args:
        source: a checkpoint, as in :func:`gansearch.runs.retrain.find_checkpoint`; a folder of
            images; or a pytorch-fid ``.npz``.
        against: a data set, as in :func:`data_config`, or an ``.npz``; by default the checkpoint's
            training data.
        wanted: evaluation settings.
        results: folder of the studies.

    Raises:
        UsageError: something is missing, damaged or of the wrong kind.
        Diverged: a checkpoint's samples hold NaN.
    """
    place = Path(source)
    for name in wanted.metrics:
        if name in METRICS and METRICS[name].of_variant:
            raise UsageError(f"{name} is measured by a variant while it trains, and not afterwards")
    if not (place.suffix == ".npz" or (place.is_dir() and not holds_checkpoint(place))):
        with find_checkpoint(source, results) as file:
            return _score_checkpoint(file, against, wanted)
    if against is None:
        raise UsageError(f"{source} holds no checkpoint, so it needs --against: a data set or .npz")
    if wanted.seeds and wanted.samples is None:
        raise UsageError("a seed chooses some of the images: it needs a number of samples")
    if place.suffix == ".npz":
        return _score_statistics(read_statistics(place), against, wanted)
    return _score_images(place, against, wanted)


def save_statistics(against: str, wanted: Wanted, out: Path) -> None:
    """Write the mean and covariance of a data set's features, as pytorch-fid's command does.

    Args:
        against: the data set, as in :func:`data_config`.
        wanted: evaluation settings; the first metric decides the features, by default those of
            ``fid``.
        out: the ``.npz`` file.

    Raises:
        UsageError: the data or the features' weights are missing, the metric has no features, or
            there are fewer than two images.
    """
    metric, *_ = wanted.metrics or _usual_metrics(against)
    images = load_images(data_config(against, wanted.resolution)).train
    write_statistics(out, *_moments(images, wanted, metric))


def data_config(text: str, resolution: int | None = None) -> DataConfig:
    """Parse a data set's name or path.

    Args:
        text: ``digits``, ``photos``, ``mnist:PATH``, ``cifar10:PATH``, or a folder of images.
        resolution: resolution in pixels; by default the data's own.

    Raises:
        DataError: there is no such data, or a folder's images differ in resolution.
        ConfigError: the resolution is not supported.
    """
    name, _, path = text.partition(":")
    if name not in SIDES:
        name, path = "folder", text.removeprefix("folder:")
        if not Path(path).is_dir():
            raise DataError(
                f"{text!r} is no data: give {', '.join(SIDES)} (as mnist:PATH), a folder or an .npz"
            )
    side = resolution or (native_side(Path(path)) if name == "folder" else SIDES[name])
    try:
        return DataConfig.model_validate({"name": name, "path": path or None, "resolution": side})
    except ValidationError as error:
        raise ConfigError(describe(error)) from None


def _score_checkpoint(file: Path, against: str | None, wanted: Wanted) -> tuple[Scored, ...]:
    config = checkpoint_config(file)
    images = load_images(config.data)
    others, statistics = _reference(against, config.data.resolution)
    if others is not None:
        _check_kind(config, images, others)
    metrics = tuple(name for name in config.evaluation.metrics if not METRICS[name].of_variant)
    usual = config.evaluation.model_copy(
        update={"metrics": _usual_metrics("", statistics) if statistics or not metrics else metrics}
    )
    evaluator = CheckpointEvaluator(
        wanted.config(usual),
        wanted.seeds or (config.evaluation.seed,),
        images,
        against=others,
        statistics=statistics,
    )
    found = evaluator.evaluate(file)
    return tuple(Scored(name, found[name], evaluator.protocols[name]) for name in found)


def _check_kind(config: TrainConfig, own: Images, others: Images) -> None:
    """Check that a checkpoint's images match ``others`` in shape and, if conditional, classes."""
    mine, theirs = own.train.spec, others.train.spec
    if not CATALOG[config.variant].by_class:  # an unconditional variant ignores labels
        mine, theirs = replace(mine, classes=0), replace(theirs, classes=0)
    if mine != theirs:
        raise DataError(f"the checkpoint makes images of {mine}, to be compared with {theirs}")


def _score_images(folder: Path, against: str, wanted: Wanted) -> tuple[Scored, ...]:
    side = wanted.resolution or native_side(folder)
    images = load_images(data_config(str(folder), side)).train
    if wanted.resolution is None:
        _check_side(folder, side, against)
    others, statistics = _reference(against, side)
    if 3 in (others and others.train.spec.channels, statistics and statistics.origin.channels):
        images = images.in_colour()
    elif others is not None and images.spec.channels == 3:
        others = Images(others.train.in_colour(), None)
    usual = EvaluationConfig(metrics=_usual_metrics(against, statistics))
    config = wanted.config(usual)
    config = config.model_copy(update={"samples": wanted.samples or len(images)})
    evaluator = Evaluator(
        config, config.metrics, others or Images(images, None), best_device(), statistics
    )
    seeds = wanted.seeds or (config.seed,)
    found = [evaluator.with_seed(seed).evaluate_images(images) for seed in seeds]
    return tuple(
        Scored(name, tuple(each.values[name] for each in found), protocol)
        for name, protocol in found[0].protocols.items()
    )


def _check_side(folder: Path, side: int, against: str) -> None:
    """Check that two folders have images of the same size."""
    if against.endswith(".npz") or (config := data_config(against)).name != "folder":
        return
    if config.resolution != side:
        raise DataError(
            f"the images in {folder} have {side} pixels and those in {against} "
            f"{config.resolution}: a resolution brings both to one size"
        )


def _score_statistics(statistics: Statistics, against: str, wanted: Wanted) -> tuple[Scored, ...]:
    (metric,) = _usual_metrics(against, statistics)
    if wanted.metrics not in ((), (metric,)) or wanted.samples is not None:
        raise UsageError(
            f"{statistics.name} holds a mean and a covariance: only {metric} is of these"
        )
    if against.endswith(".npz"):
        other = read_statistics(Path(against))
        reference, origin = cast(Moments, other.moments), other.origin
    else:
        side = wanted.resolution or statistics.origin.resolution or None
        images = load_images(data_config(against, side)).train
        if statistics.origin.channels == 3:
            images = images.in_colour()
        reference, origin = _moments(images, wanted, metric)
    statistics.check(origin)
    try:
        value = frechet_distance(statistics.moments, FactoredMoments.of(reference))
    except ValueError as error:
        raise DataError(f"{statistics.name} and {against}: {error}") from None
    return (Scored(metric, (value,), f"{statistics.name} against {against}"),)


def _moments(images: ImageSet, wanted: Wanted, metric: str) -> tuple[Moments, Origin]:
    """Return the moments of images in a metric's features, with their origin."""
    kind = METRICS[metric].features if metric in METRICS else ""
    if kind not in FEATURES:
        raise UsageError(f"{metric!r} is not measured in features, such as fid")
    refuse_few(("fid",), images, torch.arange(len(images)))
    device = best_device()
    features = FEATURES[kind](wanted.config(EvaluationConfig()), images.spec).to(device)
    return moments_of(features, images, device), Origin.of(features, images.spec)


def _reference(
    against: str | None, resolution: int | None
) -> tuple[Images | None, Statistics | None]:
    """Load the reference: images, statistics, or neither if ``against`` is ``None``."""
    if against is None:
        return None, None
    if against.endswith(".npz"):
        return None, read_statistics(Path(against))
    return load_images(data_config(against, resolution)), None


def _usual_metrics(against: str, statistics: Statistics | None = None) -> tuple[str, ...]:
    """Return the Fréchet distance in a file's features, or in a data set's default features."""
    usual = "digits" if against == "digits" else "inception"
    kind = usual if statistics is None else statistics.origin.features
    return tuple(m.name for m in METRICS.values() if m.method == "fd" and m.features == kind)
