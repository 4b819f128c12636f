"""Fréchet distances between features: of all images, and extrapolated to infinitely many samples.

The Fréchet distance of two Gaussians with means m, n and covariances C, S is |m - n|² + tr C + tr S
- 2 tr (C S)^½ (Dowson and Landau 1982, equation 4), the squared 2-Wasserstein distance. In
Inception features it is FID (Heusel et al. 2017, section 3); in other features it is called FD.

With C = F Fᵀ the last trace equals the trace of the root of the symmetric matrix Fᵀ S F. That takes
a symmetric eigenproblem without eigenvectors, and the reference's factor F is computed once. If S =
Xᵀ X has fewer vectors X than dimensions, the smaller matrix X F Fᵀ Xᵀ has the same nonzero
eigenvalues. The eigenproblem is solved on the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigvalsh
from torch import Tensor

from gansearch.config import EvaluationConfig
from gansearch.data.images import permutation
from gansearch.metrics.features import Features
from gansearch.metrics.metric import FeaturedBatch, FeaturesMetric, NamesByMethod
from gansearch.metrics.moments import FactoredMoments, Moments, MomentsAccumulator
from gansearch.metrics.protocol import QualityProtocol
from gansearch.metrics.reference import Reference

POINTS = 15
"""Number of sample counts that the distance at infinitely many samples is extrapolated from."""


def frechet_distance(sample: Moments, reference: FactoredMoments) -> float:
    """The Fréchet distance of two sets of features, in squared units; 0 if their moments are equal.

    The distance is symmetric, but only the reference needs a factor.

    Args:
        sample: moments of the evaluated features.
        reference: moments of the reference features, of the same dimension.

    Raises:
        ValueError: the dimensions differ, or a mean or covariance is not finite.
    """
    if sample.mean.shape != reference.mean.shape:
        raise ValueError(
            f"features of dimension {len(sample.mean)} against {len(reference.mean)}: "
            "both sides need the same features"
        )
    product = sample.product_with(reference.factor)
    apart = sample.mean - reference.mean
    rest = float(apart @ apart) + sample.trace() + reference.trace
    if not (np.isfinite(rest) and np.isfinite(product.trace())):
        raise ValueError("a mean or covariance holds NaN or infinity")
    values = eigvalsh(product, driver="ev", lower=True, overwrite_a=True, check_finite=False)
    return max(0.0, rest - 2 * float(np.sqrt(values.clip(0)).sum()))


class FrechetDistance:
    """The Fréchet distance between a set of images and the real images, as a metric.

    Args:
        names: name of the metric by its method.
        reference: real images and the features.
    """

    def __init__(self, names: NamesByMethod, reference: Reference, _: EvaluationConfig) -> None:
        self.real = reference.images.heldout
        (self._name,) = names.values()
        self._reference = reference
        self._moments = reference.moments

    def accumulator(self) -> FrechetAccumulator:
        """Accumulator of streamed moments, which never holds all features in memory."""
        reference = self._reference
        moments = MomentsAccumulator(reference.features.dim, reference.device)
        return FrechetAccumulator(self._name, reference.features, self._moments, moments)

    def protocol(self, samples: int, source: str) -> QualityProtocol:
        """Protocol with the features, the sample count and the reference set."""
        compared = self._reference.population
        return self._reference.protocol("Fréchet distance", samples, source, compared)


@dataclass(frozen=True)
class FrechetAccumulator:
    """Accumulator of one set's feature moments."""

    name: str
    features: Features
    reference: FactoredMoments
    seen: MomentsAccumulator

    def update(self, featured: FeaturedBatch) -> None:
        """Add the features of a batch."""
        self.seen.update(featured.vectors(self.features))

    def values(self) -> dict[str, float]:
        """Distance to the reference, by the metric's name."""
        return {self.name: frechet_distance(self.seen.moments(), self.reference)}


# --- Without bias --------------------------------------------------------------------------------


def fd_infinity_metric(
    names: NamesByMethod, reference: Reference, config: EvaluationConfig
) -> FeaturesMetric:
    """FD∞ as a metric; the seed of the evaluation draws the subsets."""
    moments = reference.moments
    return FeaturesMetric(
        names,
        reference,
        reference.population,
        f"Fréchet distance extrapolated from {POINTS} sample counts (seed {config.seed})",
        lambda vectors: {"fd_infinity": fd_infinity(vectors, moments, config.seed)},
    )


def fd_infinity(vectors: Tensor, reference: FactoredMoments, seed: int) -> float:
    """FD∞, the distance at infinitely many samples (Chong and Forsyth 2020, section 4, as FID∞).

    The bias of the distance falls as 1/N. Subsets of half to all of the samples give distances, and
    a line fitted to them over 1/N gives the value at 0. It can be negative.

    Args:
        vectors: features of samples ``[N, D]``, N at least ``2 * POINTS``.
        reference: moments of the real images.
        seed: seed of the subsets.
    """
    sizes = np.linspace(len(vectors) / 2, len(vectors), POINTS).astype(int)
    distances = []
    for point, size in enumerate(sizes):
        subset = MomentsAccumulator(vectors.shape[1], vectors.device)
        chosen = permutation(len(vectors), seed, point)[:size]
        subset.update(vectors[chosen.to(vectors.device)])
        distances.append(frechet_distance(subset.moments(), reference))
    _, intercept = np.polyfit(1 / sizes, distances, 1)
    return float(intercept)
