"""The Fréchet distance as a metric: features, the training images' statistics, the protocol."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gansearch.data import Images, ImageSet
from gansearch.data.batch import Batch
from gansearch.metrics.cache import Arrays, cached
from gansearch.metrics.features import Features
from gansearch.metrics.fid import Moments, Reference, frechet_distance
from gansearch.metrics.protocol import QualityProtocol

_BATCH_SIZE = 64


class FrechetMeasure:
    """The distance of a set's features to those of the training images.

    Their statistics are computed once and cached on this machine.

    Args:
        name: of the metric.
        features: on the device.
        images: what is trained on, and what is kept out.
        device: that features are computed on.
    """

    def __init__(self, name: str, features: Features, images: Images, device: torch.device) -> None:
        self.real = images.heldout
        self._name = name
        self._features = features
        self._device = device
        self._fingerprint = images.train.fingerprint
        self._reference = _reference(features, images.train, device)

    def tally(self) -> FrechetTally:
        """Streamed moments: no set of features is ever whole in memory."""
        moments = Moments(self._features.dim, self._device)
        return FrechetTally(self._name, self._features, self._reference, moments)

    def protocol(self, samples: int, source: str) -> str:
        """The features, the sample count and the reference set."""
        protocol = QualityProtocol(
            features=self._features.name,
            checksum=self._features.checksum,
            resize=self._features.resize,
            samples=samples,
            source=source,
            reference=self._fingerprint,
            reference_count=self._reference.count,
        )
        return str(protocol)


@dataclass(frozen=True)
class FrechetTally:
    """Moments of one set's features."""

    name: str
    features: Features
    reference: Reference
    moments: Moments

    def update(self, batch: Batch) -> None:
        """Add the images' features."""
        self.moments.update(self.features(batch.images))

    def values(self) -> dict[str, float]:
        """The distance."""
        return {self.name: frechet_distance(self.moments.gaussian(), self.reference)}


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
