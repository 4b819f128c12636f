"""Quality of a trial's samples: distances to the training images under a stated protocol."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gansearch.config import EvaluationConfig
from gansearch.data import Images, ImageSet
from gansearch.data.batch import Batch
from gansearch.data.images import permutation
from gansearch.errors import ConfigError, DataError, Diverged
from gansearch.metrics.cache import Arrays, cached
from gansearch.metrics.features import FEATURES, Features
from gansearch.metrics.fid import Moments, Reference, frechet_distance
from gansearch.metrics.protocol import QualityProtocol

COLLAPSED = 0.01
"""Least spread of samples, as a share of the real images'. A generator whose pixels vary by less
than a hundredth of the data's shows one image to the eye, however its latents vary."""

_BATCH_SIZE = 64


@dataclass(frozen=True)
class Evaluation:
    """What one set of images scored.

    Attributes:
        values: finite, by metric.
        protocols: what each was measured by, as text that ends in a hash.
        spread: root of the pixels' mean variance over the images, as a multiple of the training
            images'; about 1 for samples as diverse as the data.
    """

    values: Mapping[str, float]
    protocols: Mapping[str, str]
    spread: float


class Evaluator:
    """Scores sets of images by their distance to a training set's statistics.

    Every evaluation uses the same latents, and the conditions (labels) of the same training images.
    The statistics of the training set are computed once and cached on this machine.

    Args:
        config: number of samples, seed of the latents, where Inception's weights are.
        metrics: names of Fréchet distances, as in the metrics' catalog.
        images: what is trained on, and what is kept out.
        device: that samples are made and features are computed on.

    Raises:
        ConfigError: a metric that is none, or that these images do not allow.
        DataError: the training images are all the same.
        WeightsError: a metric's pretrained weights cannot be had.
    """

    def __init__(
        self,
        config: EvaluationConfig,
        metrics: tuple[str, ...],
        images: Images,
        device: torch.device,
    ) -> None:
        self._config = config
        self._images = images
        self._device = device
        self._scales: dict[str, _Scale] = {}
        for name in metrics:
            if name not in FEATURES:
                raise ConfigError(f"{name!r} is no quality metric; those are {', '.join(FEATURES)}")
            features = FEATURES[name](config, images.train.spec).to(device)
            self._scales[name] = _Scale(features, _reference(features, images.train, device))
        self._generator = torch.Generator().manual_seed(config.seed)
        self._conditions = torch.randint(
            len(images.train), (config.samples,), generator=self._generator
        )
        self._real_spread = self._spread_of_data()

    def evaluate(
        self, sample: Callable[[Batch, torch.Generator], Tensor], kimg: float = 0.0
    ) -> Evaluation:
        """Score the samples that a generator makes.

        Args:
            sample: as :meth:`gansearch.variants.base.Variant.sample`; called with batches of
                conditions on the device and one generator on the CPU, in the same way every time.
            kimg: progress of the training that made it. At 0 nothing can have collapsed yet: an
                untrained DCGAN's images differ by less than a visible level.

        Raises:
            Diverged: ``nan`` where a sample is not finite, ``collapse`` where all are one image.
        """
        generator = self._generator.clone_state()

        def samples() -> Iterator[Tensor]:
            for batch in self._batches(self._images.train, self._conditions):
                images = sample(batch, generator)
                if not images.isfinite().all():
                    raise Diverged("nan", kimg, "samples hold NaN or infinity")
                yield images

        evaluation = self._score(samples(), f"latents of seed {self._config.seed}")
        if kimg > 0 and evaluation.spread < COLLAPSED:
            raise Diverged(
                "collapse",
                kimg,
                f"the samples' spread is {evaluation.spread:.2g} of the real images'",
            )
        return evaluation

    def measure(self, images: ImageSet) -> Evaluation:
        """Score real images, at most as many as samples are scored, drawn by the same seed."""
        chosen = permutation(len(images), self._config.seed)[: self._config.samples]
        batches = self._batches(images, chosen)
        source = f"real images {images.fingerprint[:8]}"
        return self._score((batch.images for batch in batches), source)

    def floor(self) -> dict[str, float]:
        """What held-out real images score: no generator can be expected to do better.

        It is of as many images as a trial's samples where so many are held out. With fewer it is
        higher, since the distance's bias grows as their number falls; :meth:`measure` gives its
        protocol. Empty where no two images are held out.
        """
        heldout = self._images.heldout
        if heldout is None or len(heldout) < 2:
            return {}
        return dict(self.measure(heldout).values)

    def _score(self, batches: Iterable[Tensor], source: str) -> Evaluation:
        moments = {n: Moments(s.features.dim, self._device) for n, s in self._scales.items()}
        spread = _Spread()
        for images in batches:
            spread.update(images)
            for name, scale in self._scales.items():
                moments[name].update(scale.features(images))
        return Evaluation(
            values={
                name: frechet_distance(moments[name].gaussian(), scale.reference)
                for name, scale in self._scales.items()
            },
            protocols={
                name: str(self._protocol(scale, spread.count, source))
                for name, scale in self._scales.items()
            },
            spread=spread.value() / self._real_spread,
        )

    def _spread_of_data(self) -> float:
        spread = _Spread()
        for batch in self._batches(self._images.train, self._conditions):
            spread.update(batch.images)
        if spread.value() == 0:
            raise DataError("the training images are all the same: there is nothing to learn")
        return spread.value()

    def _protocol(self, scale: _Scale, samples: int, source: str) -> QualityProtocol:
        return QualityProtocol(
            features=scale.features.name,
            checksum=scale.features.checksum,
            resize=scale.features.resize,
            samples=samples,
            source=source,
            reference=self._images.train.fingerprint,
            reference_count=scale.reference.count,
        )

    def _batches(self, images: ImageSet, chosen: Tensor) -> Iterator[Batch]:
        return (images.batch(part).to(self._device) for part in torch.split(chosen, _BATCH_SIZE))


@dataclass(frozen=True)
class _Scale:
    """What a metric's values are read on."""

    features: Features
    reference: Reference


def _reference(features: Features, images: ImageSet, device: torch.device) -> Reference:
    """The statistics of all of ``images``, from the cache where they are in it.

    The file has pytorch-fid's ``mu`` and ``sigma``, and the covariance's factor.
    """

    def computed() -> Arrays:
        moments = Moments(features.dim, device)
        for part in torch.split(torch.arange(len(images)), _BATCH_SIZE):
            moments.update(features(images.batch(part).to(device).images))
        reference = moments.gaussian().as_reference()
        return {
            "mu": reference.mean.numpy(),
            "sigma": reference.covariance.numpy(),
            "factor": reference.factor.numpy(),
        }

    inputs = (features.name, features.checksum, features.resize, images.fingerprint)
    arrays = cached("statistics", inputs, computed)
    mean, covariance, factor = (
        torch.from_numpy(arrays[name]) for name in ("mu", "sigma", "factor")
    )
    return Reference(mean, covariance, len(images), factor)


class _Spread:
    """Streamed variance of each pixel over the images that it is shown."""

    def __init__(self) -> None:
        self.count = 0
        self._sum: Tensor | float = 0.0
        self._squares: Tensor | float = 0.0

    def update(self, images: Tensor) -> None:
        images = images.double()
        self.count += len(images)
        self._sum = self._sum + images.sum(0)
        self._squares = self._squares + images.square().sum(0)

    def value(self) -> float:
        """Root of the variance's mean over the pixels."""
        variance = torch.as_tensor(self._squares / self.count - (self._sum / self.count) ** 2)
        return math.sqrt(max(0.0, float(variance.mean())))
