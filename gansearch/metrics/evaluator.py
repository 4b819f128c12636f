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
from gansearch.metrics.classes import ClassAccuracyMeasure, WithinClassMeasure
from gansearch.metrics.features import FEATURES
from gansearch.metrics.frechet import FrechetMeasure, infinity_measure
from gansearch.metrics.inception_score import inception_score_measure
from gansearch.metrics.kernel import kernel_measure
from gansearch.metrics.lpips import LpipsMeasure
from gansearch.metrics.manifolds import manifolds_measure
from gansearch.metrics.measure import Measure, Names, View
from gansearch.metrics.parzen import ParzenMeasure
from gansearch.metrics.reference import Reference
from gansearch.metrics.requirements import check_images, lacking, refuse_few
from gansearch.metrics.spread import Spread
from gansearch.metrics.statistics import Statistics

Measures = Mapping[tuple[str, ...], Measure]
"""Measures by the names of the metrics that they compute."""

Build = Callable[[Names, Reference, EvaluationConfig], Measure]

IN_FEATURES: dict[str, Build] = {
    "fid": FrechetMeasure,
    "fid_infinity": infinity_measure,
    "fid_within": WithinClassMeasure,
    "kid": kernel_measure,
    "precision": manifolds_measure,
    "recall": manifolds_measure,
    "density": manifolds_measure,
    "coverage": manifolds_measure,
    "inception_score": inception_score_measure,
    "class_accuracy": ClassAccuracyMeasure,
}
"""Measures in features. Metrics with the same function and features share one measure."""

OTHERS: dict[str, Callable[[str, Images, torch.device], Measure]] = {
    "parzen": lambda _, images, __: ParzenMeasure(images),
    "lpips_diversity": LpipsMeasure,
}
"""Measures of the images themselves, without features."""

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
        self._measures = _measures(config, metrics, images, device, statistics)
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
        return _protocols(self._measures, self._config.samples, source)

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
        return self._score(samples(), source, self._measures)

    def measure(self, images: ImageSet) -> Evaluation:
        """Evaluate the metrics on real images.

        The seed of the latents draws at most as many images as the configured number of samples.

        Raises:
            ConfigError: there are too few images for a metric.
        """
        chosen = self._chosen(images)
        self._refuse_few(images, chosen)
        return self._measure_real(images, chosen, self._measures)

    def floor(self) -> dict[str, float]:
        """Value of each metric on real images, which no generator can be expected to beat.

        Metrics in features use held-out images, as many as a trial has samples if available. Fewer
        images raise a Fréchet distance, because its bias grows as their number falls;
        :meth:`measure` gives the protocol. Parzen likelihood and LPIPS diversity use training
        images. Metrics with too few such images are omitted.
        """
        values: dict[str, float] = {}
        for names, measure in self._measures.items():
            if measure.real is None or len(measure.real) < 2:
                continue
            chosen = self._chosen(measure.real)
            if not lacking(names, measure.real, chosen):
                found = self._measure_real(measure.real, chosen, {names: measure}).values
                values.update({name: found[name] for name in names})
        return values

    def _refuse_few(self, images: ImageSet, rows: Tensor) -> None:
        refuse_few((name for each in self._measures for name in each), images, rows)

    def _chosen(self, images: ImageSet) -> Tensor:
        return permutation(len(images), self._config.seed)[: self._config.samples]

    def _measure_real(self, images: ImageSet, chosen: Tensor, measures: Measures) -> Evaluation:
        source = f"real images {images.fingerprint[:8]}"
        return self._score(self._batches(images, chosen), source, measures)

    def _score(self, batches: Iterable[Batch], source: str, measures: Measures) -> Evaluation:
        tallies = [measure.tally() for measure in measures.values()]
        spread = Spread()
        for batch in batches:
            spread.update(batch.images)
            view = View(batch)
            for tally in tallies:
                tally.update(view)
        return Evaluation(
            values={name: value for tally in tallies for name, value in tally.values().items()},
            protocols=_protocols(measures, spread.count, source),
            spread=spread.value() / self._real_spread if self._real_spread else math.inf,
        )

    def _spread_of_data(self) -> float:
        spread = Spread()
        for batch in self._batches(self._images.train, self._conditions):
            spread.update(batch.images)
        return spread.value()

    def _batches(self, images: ImageSet, chosen: Tensor) -> Iterator[Batch]:
        return (images.batch(part).to(self._device) for part in torch.split(chosen, _BATCH_SIZE))


def _measures(
    config: EvaluationConfig,
    metrics: tuple[str, ...],
    images: Images,
    device: torch.device,
    statistics: Statistics | None,
) -> Measures:
    """Build the measures of ``metrics``; measures in the same features share them."""

    @functools.cache
    def reference(kind: str) -> Reference:
        features = FEATURES[kind](config, images.train.spec).to(device)
        return Reference(features, images, config.samples, device, statistics)

    wanted: dict[tuple[Build, str], Names] = {}  # by function and kind of features
    measures: dict[tuple[str, ...], Measure] = {}
    for name in dict.fromkeys(metrics):
        metric = METRICS[name]
        if metric.measure in IN_FEATURES:
            key = (IN_FEATURES[metric.measure], metric.features)
            wanted.setdefault(key, {})[metric.measure] = name
        elif not metric.of_variant:
            measures[(name,)] = OTHERS[metric.measure](name, images, device)
    for (build, kind), names in wanted.items():
        measures[tuple(names.values())] = build(names, reference(kind), config)
    return measures


def _refuse_unknown(metrics: tuple[str, ...]) -> None:
    quality = [name for name, metric in METRICS.items() if metric.kind == "quality"]
    for name in metrics:
        if name not in quality:
            raise ConfigError(f"{name!r} is no quality metric; those are {', '.join(quality)}")


def _protocols(measures: Measures, samples: int, source: str) -> dict[str, str]:
    return {
        name: str(measure.protocol(samples, source))
        for names, measure in measures.items()
        for name in names
    }
