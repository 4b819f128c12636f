"""The Fréchet distance as a metric, and its value without the bias of a finite sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from gansearch.config import EvaluationConfig
from gansearch.data.images import permutation
from gansearch.metrics.features import Features
from gansearch.metrics.fid import Factored, Moments, frechet_distance
from gansearch.metrics.measure import Names, VectorsMeasure, View
from gansearch.metrics.protocol import QualityProtocol
from gansearch.metrics.reference import Reference

POINTS = 15
"""Sample counts that FID∞ extrapolates from."""


class FrechetMeasure:
    """The distance of a set's features to those of the real images.

    Args:
        names: of the metric.
        reference: the real images, and the features.
    """

    def __init__(self, names: Names, reference: Reference, _: EvaluationConfig) -> None:
        self.real = reference.images.heldout
        (self._name,) = names.values()
        self._reference = reference
        self._gaussian = reference.gaussian

    def tally(self) -> FrechetTally:
        """Streamed moments: no set of features is ever whole in memory."""
        reference = self._reference
        moments = Moments(reference.features.dim, reference.device)
        return FrechetTally(self._name, reference.features, self._gaussian, moments)

    def protocol(self, samples: int, source: str) -> QualityProtocol:
        """The features, the sample count and the reference set."""
        compared = self._reference.population
        return self._reference.protocol("Fréchet distance", samples, source, compared)


@dataclass(frozen=True)
class FrechetTally:
    """Moments of one set's features."""

    name: str
    features: Features
    gaussian: Factored
    moments: Moments

    def update(self, view: View) -> None:
        """Add the images' features."""
        self.moments.update(view.vectors(self.features))

    def values(self) -> dict[str, float]:
        """The distance."""
        return {self.name: frechet_distance(self.moments.gaussian(), self.gaussian)}


# --- Without bias --------------------------------------------------------------------------------


def infinity_measure(
    names: Names, reference: Reference, config: EvaluationConfig
) -> VectorsMeasure:
    """FID∞ as a metric; the evaluation's seed draws the subsets."""
    gaussian = reference.gaussian
    return VectorsMeasure(
        names,
        reference,
        reference.population,
        f"Fréchet distance extrapolated from {POINTS} sample counts (seed {config.seed})",
        lambda vectors: {"fid_infinity": fid_infinity(vectors, gaussian, config.seed)},
    )


def fid_infinity(vectors: Tensor, reference: Factored, seed: int) -> float:
    """FID∞ of Chong and Forsyth 2020, section 4: the distance at infinitely many samples.

    The distance's bias falls as 1/N. A line through the distances of subsets of a half to all of
    the samples, over 1/N, is read off at 0; it may come out below 0.

    Args:
        vectors: ``[N, D]``, features of samples, N at least ``2 * POINTS``.
        reference: what they are compared with.
        seed: of the subsets.
    """
    sizes = np.linspace(len(vectors) / 2, len(vectors), POINTS).astype(int)
    distances = []
    for point, size in enumerate(sizes):
        moments = Moments(vectors.shape[1], vectors.device)
        chosen = permutation(len(vectors), seed, point)[:size]
        moments.update(vectors[chosen.to(vectors.device)])
        distances.append(frechet_distance(moments.gaussian(), reference))
    _, intercept = np.polyfit(1 / sizes, distances, 1)
    return float(intercept)
