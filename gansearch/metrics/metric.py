"""Interfaces of quality metrics: a metric creates an accumulator for each set of images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from gansearch.data import ImageSet
from gansearch.data.batch import Batch
from gansearch.metrics.features import Features
from gansearch.metrics.protocol import QualityProtocol
from gansearch.metrics.reference import Compared, Reference

NamesByMethod = dict[str, str]
"""Names of metrics by their method, e.g. ``{"precision": "precision_digits"}``."""


class FeaturedBatch:
    """A batch of images with its features, which are computed once for all metrics."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._vectors: dict[Features, Tensor] = {}

    def vectors(self, features: Features) -> Tensor:
        """Features of the images, ``[N, D]``."""
        if features not in self._vectors:
            self._vectors[features] = features(self.batch.images)
        return self._vectors[features]


class Accumulator(Protocol):
    """Accumulator of a metric over one set of images, which come in batches."""

    def update(self, featured: FeaturedBatch) -> None:
        """Add a batch of images with their conditions."""

    def values(self) -> dict[str, float]:
        """Values of the metrics by name, and further numbers under names of their own."""


class QualityMetric(Protocol):
    """Computes one quality metric, or several from the same accumulator."""

    @property
    def real(self) -> ImageSet | None:
        """Real images whose value no generator can be expected to beat, or ``None``."""

    def accumulator(self) -> Accumulator:
        """Return a new accumulator for one set of images."""

    def protocol(self, samples: int, source: str) -> QualityProtocol:
        """Protocol of the values; only values with equal protocols can be compared.

        Args:
            samples: number of evaluated images.
            source: origin of the images, e.g. ``latents of seed 0``.
        """


# --- Metrics that need all vectors of a set -------------------------------------------------------


class FeaturesMetric:
    """Quality metrics that need the features of all images at once.

    The features of all evaluated images stay in memory: N · D numbers, shared by the metrics.

    Args:
        names: names of the metrics by their method.
        reference: real images and the features.
        compared: description of the real images in the comparison.
        method: description of the computation, for the protocol.
        compute: maps features ``[N, D]`` to values by method; other keys than those of ``names``
            are ignored.
    """

    def __init__(
        self,
        names: NamesByMethod,
        reference: Reference,
        compared: Compared,
        method: str,
        compute: Callable[[Tensor], dict[str, float]],
    ) -> None:
        self.real = reference.images.heldout
        self._reference = reference
        self._compared = compared
        self._method = method
        self._compute = lambda vectors: {
            names[method]: value for method, value in compute(vectors).items() if method in names
        }

    def accumulator(self) -> FeaturesAccumulator:
        """Accumulator that keeps all features."""
        return FeaturesAccumulator(self._reference.features, self._compute)

    def protocol(self, samples: int, source: str) -> QualityProtocol:
        """Protocol with the features, the method and the real images."""
        return self._reference.protocol(self._method, samples, source, self._compared)


@dataclass(frozen=True)
class FeaturesAccumulator:
    """Accumulator of one set's features."""

    features: Features
    compute: Callable[[Tensor], dict[str, float]]
    kept: list[Tensor] = field(default_factory=list)  # [N, D] each

    def update(self, featured: FeaturedBatch) -> None:
        """Keep the features of a batch."""
        self.kept.append(featured.vectors(self.features))

    def values(self) -> dict[str, float]:
        """Values of the metrics by name."""
        return self.compute(torch.cat(self.kept))
