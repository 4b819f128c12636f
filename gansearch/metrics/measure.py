"""What a quality metric is to the evaluator: something that tallies images and gives a value."""

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
"""Metrics' names by what each measures: ``{"precision": "precision_digits"}``."""


class View:
    """A batch of images as measures see it: each kind of features is computed once for all."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._vectors: dict[Features, Tensor] = {}

    def vectors(self, features: Features) -> Tensor:
        """The images' features, ``[N, D]``."""
        if features not in self._vectors:
            self._vectors[features] = features(self.batch.images)
        return self._vectors[features]


class Tally(Protocol):
    """What a measure keeps of one set of images as they come in batches."""

    def update(self, view: View) -> None:
        """Take images to be scored, with the conditions that they were made under."""

    def values(self) -> dict[str, float]:
        """The metrics' values by name, and what else there is to say by names of its own."""


class Measure(Protocol):
    """What gives the value of one quality metric, or of several from the same numbers."""

    @property
    def real(self) -> ImageSet | None:
        """Real images that show what no generator can be expected to beat, where there are any."""

    def tally(self) -> Tally:
        """A new tally, for one set of images."""

    def protocol(self, samples: int, source: str) -> QualityProtocol:
        """All that two values must share to be compared.

        Args:
            samples: number of images that were scored.
            source: where they came from, e.g. ``latents of seed 0``.
        """


# --- Measures of all the vectors of a set ---------------------------------------------------------


class VectorsMeasure:
    """Metrics whose value needs every image's features at once.

    They are kept for as many images as are scored: N·D numbers, which metrics share.

    Args:
        names: of the metrics.
        reference: the real images, and the features.
        compared: what of the real images is compared with.
        method: what is computed, for the protocol.
        score: from ``[N, D]`` to what is measured, by the keys of ``names``.
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
        """Keeps the features."""
        return VectorsTally(self._reference.features, self._score)

    def protocol(self, samples: int, source: str) -> QualityProtocol:
        """The features, the method, and what is compared."""
        return self._reference.protocol(self._method, samples, source, self._compared)


@dataclass(frozen=True)
class VectorsTally:
    """Features of one set of images."""

    features: Features
    score: Callable[[Tensor], dict[str, float]]
    kept: list[Tensor] = field(default_factory=list)  # [N, D] each

    def update(self, view: View) -> None:
        """Keep the images' features."""
        self.kept.append(view.vectors(self.features))

    def values(self) -> dict[str, float]:
        """What the set scores."""
        return self.score(torch.cat(self.kept))
