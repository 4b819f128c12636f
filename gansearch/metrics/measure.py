"""Interfaces of quality metrics: a measure creates an accumulator for each set of images."""

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

Names = dict[str, str]
"""Names of metrics by their measure, e.g. ``{"precision": "precision_digits"}``."""


class View:
    """A batch of images with its features, which are computed once for all measures."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._vectors: dict[Features, Tensor] = {}

    def vectors(self, features: Features) -> Tensor:
        """Features of the images, ``[N, D]``."""
        if features not in self._vectors:
            self._vectors[features] = features(self.batch.images)
        return self._vectors[features]


class Tally(Protocol):
    """Accumulator of a measure for one set of images in batches."""

    def update(self, view: View) -> None:
        """Add a batch of images with their conditions."""

    def values(self) -> dict[str, float]:
        """Values of the metrics by name, and further numbers under names of their own."""


class Measure(Protocol):
    """Computes one quality metric, or several from the same accumulator."""

    @property
    def real(self) -> ImageSet | None:
        """Real images whose value no generator can be expected to beat, or ``None``."""

    def tally(self) -> Tally:
        """Return a new accumulator for one set of images."""

    def protocol(self, samples: int, source: str) -> QualityProtocol:
        """Protocol of the values; only values with equal protocols can be compared.

        Args:
            samples: number of evaluated images.
            source: origin of the images, e.g. ``latents of seed 0``.
        """


# --- Measures that need all vectors of a set ------------------------------------------------------


class VectorsMeasure:
    """Measure of metrics that need the features of all images at once.

    The features of all evaluated images stay in memory: N · D numbers, shared by the metrics.

    Args:
        names: names of the metrics by their measure.
        reference: real images and the features.
        compared: description of the real images in the comparison.
        method: description of the computation, for the protocol.
        score: maps features ``[N, D]`` to values by measure; other keys than those of ``names`` are
            ignored.
    """

    def __init__(
        self,
        names: Names,
        reference: Reference,
        compared: Compared,
        method: str,
        score: Callable[[Tensor], dict[str, float]],
    ) -> None:
        self.real = reference.images.heldout
        self._reference = reference
        self._compared = compared
        self._method = method
        self._score = lambda vectors: {
            names[measure]: value for measure, value in score(vectors).items() if measure in names
        }

    def tally(self) -> VectorsTally:
        """Accumulator that keeps all features."""
        return VectorsTally(self._reference.features, self._score)

    def protocol(self, samples: int, source: str) -> QualityProtocol:
        """Protocol with the features, the method and the real images."""
        return self._reference.protocol(self._method, samples, source, self._compared)


@dataclass(frozen=True)
class VectorsTally:
    """Accumulator of one set's features."""

    features: Features
    score: Callable[[Tensor], dict[str, float]]
    kept: list[Tensor] = field(default_factory=list)  # [N, D] each

    def update(self, view: View) -> None:
        """Keep the features of a batch."""
        self.kept.append(view.vectors(self.features))

    def values(self) -> dict[str, float]:
        """Values of the metrics by name."""
        return self.score(torch.cat(self.kept))
