"""Evaluation of quality metrics on a trial's samples, each under a stated protocol."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from gansearch.config import EvaluationConfig
from gansearch.data import Images, ImageSet
from gansearch.data.batch import Batch
from gansearch.data.conditions import drawn_conditions
from gansearch.data.images import permutation
from gansearch.errors import ConfigError, Diverged
from gansearch.metrics.catalog import METRICS
from gansearch.metrics.classes import ClassAccuracy, WithinClassDistance
from gansearch.metrics.features import FEATURES
from gansearch.metrics.frechet import FrechetDistance, fd_infinity_metric
from gansearch.metrics.inception_score import inception_score_metric
from gansearch.metrics.kernel import kernel_metric
from gansearch.metrics.lpips import LpipsDiversity
from gansearch.metrics.manifolds import manifolds_metric
from gansearch.metrics.metric import FeaturedBatch, NamesByMethod, QualityMetric
from gansearch.metrics.parzen import ParzenLikelihood
from gansearch.metrics.reference import Reference
from gansearch.metrics.requirements import check_images, lacking, refuse_few
from gansearch.metrics.spread import Spread
from gansearch.metrics.statistics import Statistics

QualityMetrics = Mapping[tuple[str, ...], QualityMetric]
"""Metrics that are computed together, by the names of their values."""

BuildMetric = Callable[[NamesByMethod, Reference, EvaluationConfig], QualityMetric]

IN_FEATURES: dict[str, BuildMetric] = {
    "fd": FrechetDistance,
    "fd_infinity": fd_infinity_metric,
    "fd_within": WithinClassDistance,
    "kid": kernel_metric,
    "precision": manifolds_metric,
    "recall": manifolds_metric,
    "density": manifolds_metric,
    "coverage": manifolds_metric,
    "inception_score": inception_score_metric,
    "class_accuracy": ClassAccuracy,
}
"""Builders of metrics in features, by method. Metrics that share builder and features are one."""

WITHOUT_FEATURES: dict[str, Callable[[str, Images, torch.device], QualityMetric]] = {
    "parzen": lambda _, images, __: ParzenLikelihood(images),
    "lpips_diversity": LpipsDiversity,
}
"""Builders of metrics of the images themselves, by method."""

_BATCH_SIZE = 64


@dataclass(frozen=True)
class Evaluation:
    """Metric values of one set of images.

    Attributes:
        values: value of each metric, and further numbers of a metric, such as its error.
        protocols: protocol of each metric, as the text of a
            :class:`~gansearch.metrics.protocol.QualityProtocol`.
        spread: root mean variance of the pixels over the images, relative to the training images;
            about 1 for samples as diverse as the data, infinite if the training images are equal.
    """

    values: Mapping[str, float]
    protocols: Mapping[str, str]
    spread: float


class Evaluator:
    """Evaluates quality metrics on sets of images.

    Every evaluation uses the same latents, and the conditions (labels) of the same training images.

    Args:
        config: number of samples, seed of the latents, path of the Inception weights.
        metrics: names of quality metrics; metrics that variants evaluate themselves are skipped.
        images: training and held-out images.
        device: device for samples and features.
        statistics: reference of the Fréchet distances instead of the training images.

    Raises:
        ConfigError: a name is not a quality metric, or a metric needs more samples or other images.
        DataError: the statistics are of other features.
        WeightsError: a metric's pretrained weights are not available.
    """

    def __init__(
        self,
        config: EvaluationConfig,
        metrics: tuple[str, ...],
        images: Images,
        device: torch.device,
        statistics: Statistics | None = None,
    ) -> None:
        self._config = config
        self._images = images
        self._device = device
        _refuse_unknown(metrics)
        check_images(metrics, config.samples, images, compared=statistics is None)
        self._metrics = _quality_metrics(config, metrics, images, device, statistics)
        self._draw()
        self._real_spread = self._spread_of_data()

    def with_seed(self, seed: int) -> Self:
        """Return an evaluator of the same metrics with other latents and conditions."""
        other = copy(self)
        other._config = self._config.model_copy(update={"seed": seed})
        other._draw()
        return other

    def protocols(self, source: str) -> dict[str, str]:
        """Protocol of each metric for the configured number of samples.

        Args:
            source: origin of the samples, e.g. ``latents of seed 0``.
        """
        return _protocols(self._metrics, self._config.samples, source)

    def _draw(self) -> None:
        self._generator = torch.Generator().manual_seed(self._config.seed)
        self._conditions = drawn_conditions(
            self._images.train, self._config.samples, self._generator
        )

    def evaluate(
        self, sample: Callable[[Batch, torch.Generator], Tensor], kimg: float = 0.0
    ) -> Evaluation:
        """Evaluate the metrics on a generator's samples.

        Args:
            sample: as :meth:`gansearch.variants.base.Variant.sample`; called with batches of
                conditions on the device and one random generator on the CPU, always in the same
                way.
            kimg: progress of the generator's training.

        Raises:
            ConfigError: a class has too few conditions for a metric.
            Diverged: a sample is not finite.
        """
        self._refuse_few(self._images.train, self._conditions)
        generator = self._generator.clone_state()

        def samples() -> Iterator[Batch]:
            for batch in self._batches(self._images.train, self._conditions):
                images = sample(batch, generator)
                if not images.isfinite().all():
                    raise Diverged("nan", kimg, "samples hold NaN or infinity")
                yield replace(batch, images=images)

        source = f"latents of seed {self._config.seed}"
        return self._evaluate_batches(samples(), source, self._metrics)

    def evaluate_images(self, images: ImageSet) -> Evaluation:
        """Evaluate the metrics on real images.

        The seed of the latents draws at most as many images as the configured number of samples.

        Raises:
            ConfigError: there are too few images for a metric.
        """
        chosen = self._chosen(images)
        self._refuse_few(images, chosen)
        return self._evaluate_rows(images, chosen, self._metrics)

    def floor(self) -> dict[str, float]:
        """Value of each metric on real images, which no generator can be expected to beat.

        Metrics in features use held-out images, as many as a trial has samples if available. Fewer
        images raise a Fréchet distance, because its bias grows as their number falls;
        :meth:`evaluate_images` gives the protocol. Parzen likelihood and LPIPS diversity use
        training images. Metrics with too few such images are omitted.
        """
        values: dict[str, float] = {}
        for names, metric in self._metrics.items():
            if metric.real is None or len(metric.real) < 2:
                continue
            chosen = self._chosen(metric.real)
            if not lacking(names, metric.real, chosen):
                found = self._evaluate_rows(metric.real, chosen, {names: metric}).values
                values.update({name: found[name] for name in names})
        return values

    def _refuse_few(self, images: ImageSet, rows: Tensor) -> None:
        refuse_few((name for each in self._metrics for name in each), images, rows)

    def _chosen(self, images: ImageSet) -> Tensor:
        return permutation(len(images), self._config.seed)[: self._config.samples]

    def _evaluate_rows(
        self, images: ImageSet, chosen: Tensor, metrics: QualityMetrics
    ) -> Evaluation:
        source = f"real images {images.fingerprint[:8]}"
        return self._evaluate_batches(self._batches(images, chosen), source, metrics)

    def _evaluate_batches(
        self, batches: Iterable[Batch], source: str, metrics: QualityMetrics
    ) -> Evaluation:
        accumulators = [metric.accumulator() for metric in metrics.values()]
        spread = Spread()
        for batch in batches:
            spread.update(batch.images)
            featured = FeaturedBatch(batch)
            for accumulator in accumulators:
                accumulator.update(featured)
        return Evaluation(
            values={name: value for each in accumulators for name, value in each.values().items()},
            protocols=_protocols(metrics, spread.count, source),
            spread=spread.value() / self._real_spread if self._real_spread else math.inf,
        )

    def _spread_of_data(self) -> float:
        spread = Spread()
        for batch in self._batches(self._images.train, self._conditions):
            spread.update(batch.images)
        return spread.value()

    def _batches(self, images: ImageSet, chosen: Tensor) -> Iterator[Batch]:
        return (images.batch(part).to(self._device) for part in torch.split(chosen, _BATCH_SIZE))


def _quality_metrics(
    config: EvaluationConfig,
    metrics: tuple[str, ...],
    images: Images,
    device: torch.device,
    statistics: Statistics | None,
) -> QualityMetrics:
    """Build the metrics named ``metrics``; those in the same features share them."""

    @functools.cache
    def reference(kind: str) -> Reference:
        features = FEATURES[kind](config, images.train.spec).to(device)
        return Reference(features, images, config.samples, device, statistics)

    wanted: dict[tuple[BuildMetric, str], NamesByMethod] = {}  # by builder and kind of features
    built: dict[tuple[str, ...], QualityMetric] = {}
    for name in dict.fromkeys(metrics):
        metric = METRICS[name]
        if metric.method in IN_FEATURES:
            key = (IN_FEATURES[metric.method], metric.features)
            wanted.setdefault(key, {})[metric.method] = name
        elif not metric.of_variant:
            built[(name,)] = WITHOUT_FEATURES[metric.method](name, images, device)
    for (build, kind), names in wanted.items():
        built[tuple(names.values())] = build(names, reference(kind), config)
    return built


def _refuse_unknown(metrics: tuple[str, ...]) -> None:
    quality = [name for name, metric in METRICS.items() if metric.kind == "quality"]
    for name in metrics:
        if name not in quality:
            raise ConfigError(f"{name!r} is not a quality metric; there are {', '.join(quality)}")


def _protocols(metrics: QualityMetrics, samples: int, source: str) -> dict[str, str]:
    return {
        name: str(metric.protocol(samples, source))
        for names, metric in metrics.items()
        for name in names
    }
