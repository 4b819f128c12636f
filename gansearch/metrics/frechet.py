"""The Fréchet distance as a metric, and its extrapolation to infinitely many samples."""

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
"""Number of sample counts that FID∞ extrapolates from."""


class FrechetMeasure:
    """The Fréchet distance between a set of images and the real images.

    Args:
        names: name of the metric by its measure.
        reference: real images and the features.
    """

    def __init__(self, names: Names, reference: Reference, _: EvaluationConfig) -> None:
        self.real = reference.images.heldout
        (self._name,) = names.values()
        self._reference = reference
        self._gaussian = reference.gaussian

    def tally(self) -> FrechetTally:
        """Accumulator of streamed moments, which never holds all features in memory."""
        reference = self._reference
        moments = Moments(reference.features.dim, reference.device)
        return FrechetTally(self._name, reference.features, self._gaussian, moments)

    def protocol(self, samples: int, source: str) -> QualityProtocol:
        """Protocol with the features, the sample count and the reference set."""
        compared = self._reference.population
        return self._reference.protocol("Fréchet distance", samples, source, compared)


@dataclass(frozen=True)
class FrechetTally:
    """Accumulator of one set's feature moments."""

    name: str
    features: Features
    gaussian: Factored
    moments: Moments

    def update(self, view: View) -> None:
        """Add the features of a batch."""
        self.moments.update(view.vectors(self.features))

    def values(self) -> dict[str, float]:
        """Distance to the reference, by the metric's name."""
        return {self.name: frechet_distance(self.moments.gaussian(), self.gaussian)}


# --- Without bias --------------------------------------------------------------------------------


def infinity_measure(
    names: Names, reference: Reference, config: EvaluationConfig
) -> VectorsMeasure:
    """FID∞ as a metric; the seed of the evaluation draws the subsets."""
    gaussian = reference.gaussian
    return VectorsMeasure(
        names,
        reference,
        reference.population,
        f"Fréchet distance extrapolated from {POINTS} sample counts (seed {config.seed})",
        lambda vectors: {"fid_infinity": fid_infinity(vectors, gaussian, config.seed)},
    )


def fid_infinity(vectors: Tensor, reference: Factored, seed: int) -> float:
    """FID∞, the distance at infinitely many samples (Chong and Forsyth 2020, section 4).

    The bias of the distance falls as 1/N. Subsets of half to all of the samples give distances, and
    a line fitted to them over 1/N gives the value at 0. It can be negative.

    Args:
        vectors: features of samples ``[N, D]``, N at least ``2 * POINTS``.
        reference: Gaussian of the real images.
        seed: seed of the subsets.
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
