"""Evaluation of images or checkpoints against a data set or statistics file, outside studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from pydantic import ValidationError

from gansearch.config import EvaluationConfig, TrainConfig, describe
from gansearch.data import Images, ImageSet, load_images
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
from gansearch.paths import RESULTS, StrPath
from gansearch.runs.data_sets import data_config
from gansearch.runs.sources import checkpoint_config, find_checkpoint, holds_checkpoint
from gansearch.train.evaluation import CheckpointEvaluator
from gansearch.variants.catalog import CATALOG


@dataclass(frozen=True)
class MetricValues:
    """Values of one metric.

    Attributes:
        metric: name of the metric.
        values: one value per seed, in the metric's unit.
        protocol: protocol of the values; only values with the same protocol are comparable.
    """

    metric: str
    values: tuple[float, ...]
    protocol: str


@dataclass(frozen=True)
class _Options:
    """Options of an evaluation, as in :func:`evaluate`."""

    metrics: tuple[str, ...] = ()
    samples: int | None = None
    seeds: tuple[int, ...] = ()
    resolution: int | None = None
    resize: str | None = None
    weights: Path | None = None

    def config(self, default: EvaluationConfig) -> EvaluationConfig:
        """Return ``default`` with these options applied.

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
            return EvaluationConfig.model_validate({**default.model_dump(), **changes})
        except ValidationError as error:
            raise ConfigError(describe(error)) from None


def evaluate(
    source: StrPath,
    against: StrPath | None = None,
    *,
    metrics: Sequence[str] = (),
    samples: int | None = None,
    seeds: Sequence[int] = (),
    resolution: int | None = None,
    resize: str | None = None,
    weights: StrPath | None = None,
    results: StrPath = RESULTS,
) -> tuple[MetricValues, ...]:
    """Evaluate a checkpoint or images against a data set, on the best device of this machine.

    Args:
        source: a ``checkpoint.pt``, its folder, a run's folder (its last checkpoint),
            ``STUDY/TRIAL``, a folder of images, or a pytorch-fid ``.npz``.
        against: a data set, as in :func:`gansearch.runs.data_sets.data_config`, or an ``.npz``; by
            default the checkpoint's training data.
        metrics: names of metrics; by default those of the checkpoint's run, or ``fid`` for images.
        samples: images per seed; by default as in the checkpoint's run, or all images.
        seeds: seeds of the latent vectors; for images, seeds of the random subset.
        resolution: resolution in pixels; by default that of a folder's images.
        resize: tool whose resizing to Inception's 299 pixels is reproduced, a key of
            :data:`gansearch.metrics.resize.RESIZES`.
        weights: pytorch-fid's Inception weights; by default those in torch's hub cache.
        results: folder of the studies.

    Returns:
        The values of each metric.

    Raises:
        UsageError: something is missing, damaged or of the wrong kind.
        Diverged: a checkpoint's samples hold NaN.
    """
    path, reference = Path(source), None if against is None else str(against)
    options = _Options(
        tuple(map(current_name, metrics)),
        samples,
        tuple(seeds),
        resolution,
        resize,
        None if weights is None else Path(weights),
    )
    for name in options.metrics:
        if name in METRICS and METRICS[name].of_variant:
            raise UsageError(f"{name} is reported by a variant during training, not afterwards")
    if not (path.suffix == ".npz" or (path.is_dir() and not holds_checkpoint(path))):
        with find_checkpoint(source, results) as file:
            return _evaluate_checkpoint(file, reference, options)
    if reference is None:
        raise UsageError(f"{source} holds no checkpoint, so it needs --against: a data set or .npz")
    if options.seeds and samples is None:
        raise UsageError("a seed chooses a subset of the images: it needs a number of samples")
    if path.suffix == ".npz":
        return _evaluate_statistics(read_statistics(path), reference, options)
    return _evaluate_images(path, reference, options)


def save_statistics(
    data: StrPath,
    out: StrPath,
    *,
    metric: str | None = None,
    resolution: int | None = None,
    resize: str | None = None,
    weights: StrPath | None = None,
) -> None:
    """Write the mean and covariance of a data set's features, as pytorch-fid's command does.

    Args:
        data: a data set, as in :func:`gansearch.runs.data_sets.data_config`.
        out: the ``.npz`` file.
        metric: metric whose features are used; by default ``fd_digits`` for digits, else ``fid``.
        resolution: as in :func:`evaluate`.
        resize: as in :func:`evaluate`.
        weights: as in :func:`evaluate`.

    Raises:
        UsageError: the data or the features' weights are missing, the metric has no features, or
            there are fewer than two images.
    """
    options = _Options(
        resolution=resolution, resize=resize, weights=None if weights is None else Path(weights)
    )
    images = load_images(data_config(str(data), resolution)).train
    chosen = current_name(metric) if metric else _default_metrics(str(data))[0]
    write_statistics(Path(out), *_moments(images, options, chosen))


def _evaluate_checkpoint(
    file: Path, against: str | None, options: _Options
) -> tuple[MetricValues, ...]:
    config = checkpoint_config(file)
    images = load_images(config.data)
    others, statistics = _reference(against, config.data.resolution)
    if others is not None:
        _check_kind(config, images, others)
    metrics = tuple(name for name in config.evaluation.metrics if not METRICS[name].of_variant)
    default = config.evaluation.model_copy(
        update={
            "metrics": _default_metrics("", statistics) if statistics or not metrics else metrics
        }
    )
    evaluator = CheckpointEvaluator(
        options.config(default),
        options.seeds or (config.evaluation.seed,),
        images,
        against=others,
        statistics=statistics,
    )
    found = evaluator.evaluate(file)
    return tuple(MetricValues(name, found[name], evaluator.protocols[name]) for name in found)


def _check_kind(config: TrainConfig, own: Images, others: Images) -> None:
    """Check that a checkpoint's images match ``others`` in shape and, if conditional, classes."""
    mine, theirs = own.train.spec, others.train.spec
    if not CATALOG[config.variant].by_class:  # an unconditional variant ignores labels
        mine, theirs = replace(mine, classes=0), replace(theirs, classes=0)
    if mine != theirs:
        raise DataError(f"the checkpoint makes images of {mine}, to be compared with {theirs}")


def _evaluate_images(folder: Path, against: str, options: _Options) -> tuple[MetricValues, ...]:
    side = options.resolution or native_side(folder)
    images = load_images(data_config(str(folder), side)).train
    if options.resolution is None:
        _check_side(folder, side, against)
    others, statistics = _reference(against, side)
    if 3 in (others and others.train.spec.channels, statistics and statistics.origin.channels):
        images = images.in_colour()
    elif others is not None and images.spec.channels == 3:
        others = Images(others.train.in_colour(), None)
    default = EvaluationConfig(metrics=_default_metrics(against, statistics))
    config = options.config(default)
    config = config.model_copy(update={"samples": options.samples or len(images)})
    evaluator = Evaluator(
        config, config.metrics, others or Images(images, None), best_device(), statistics
    )
    seeds = options.seeds or (config.seed,)
    found = [evaluator.with_seed(seed).evaluate_images(images) for seed in seeds]
    return tuple(
        MetricValues(name, tuple(each.values[name] for each in found), protocol)
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


def _evaluate_statistics(
    statistics: Statistics, against: str, options: _Options
) -> tuple[MetricValues, ...]:
    (metric,) = _default_metrics(against, statistics)
    if options.metrics not in ((), (metric,)) or options.samples is not None:
        raise UsageError(
            f"{statistics.name} holds a mean and a covariance, from which only {metric} follows"
        )
    if against.endswith(".npz"):
        other = read_statistics(Path(against))
        reference, origin = cast(Moments, other.moments), other.origin
    else:
        side = options.resolution or statistics.origin.resolution or None
        images = load_images(data_config(against, side)).train
        if statistics.origin.channels == 3:
            images = images.in_colour()
        reference, origin = _moments(images, options, metric)
    statistics.check(origin)
    try:
        value = frechet_distance(statistics.moments, FactoredMoments.of(reference))
    except ValueError as error:
        raise DataError(f"{statistics.name} and {against}: {error}") from None
    return (MetricValues(metric, (value,), f"{statistics.name} against {against}"),)


def _moments(images: ImageSet, options: _Options, metric: str) -> tuple[Moments, Origin]:
    """Return the moments of images in a metric's features, with their origin."""
    kind = METRICS[metric].features if metric in METRICS else ""
    if kind not in FEATURES:
        raise UsageError(f"{metric!r} is not computed from features, unlike fid")
    refuse_few(("fid",), images, torch.arange(len(images)))
    device = best_device()
    features = FEATURES[kind](options.config(EvaluationConfig()), images.spec).to(device)
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


def _default_metrics(against: str, statistics: Statistics | None = None) -> tuple[str, ...]:
    """Return the Fréchet distance in a file's features, or in a data set's default features."""
    default = "digits" if against == "digits" else "inception"
    kind = default if statistics is None else statistics.origin.features
    return tuple(m.name for m in METRICS.values() if m.method == "fd" and m.features == kind)
