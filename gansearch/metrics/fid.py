"""The Fréchet distance between the Gaussians of two sets of features.

It is what FID is (Heusel et al. 2017, section 3). For Gaussians (m, C) and (n, S) it is
|m - n|² + tr C + tr S - 2 tr (C S)^½ (Dowson and Landau 1982, equation 4), which is the squared
2-Wasserstein distance. With C = F Fᵀ the last trace is that of the root of the symmetric Fᵀ S F: a
symmetric eigenproblem without vectors does, and the factor F of the reference is computed once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Mean and covariance of a set of features, in double precision.

    Attributes:
        mean: ``[D]``, float64.
        covariance: ``[D, D]``, float64, symmetric and positive semi-definite up to rounding.
        count: the number of feature vectors that it was estimated from.
    """

    mean: Tensor
    covariance: Tensor
    count: int

    def as_reference(self) -> Reference:
        """This Gaussian with its factor: one eigenproblem, worth it where many are compared."""
        values, vectors = torch.linalg.eigh(self.covariance)
        noise = values.abs().max() * len(values) * torch.finfo(values.dtype).eps
        kept = values > noise
        return Reference(
            self.mean, self.covariance, self.count, vectors[:, kept] * values[kept].sqrt()
        )


@dataclass(frozen=True, eq=False)
class Reference(Gaussian):
    """A Gaussian that others are compared with.

    Attributes:
        factor: ``[D, r]``, F with ``covariance`` = F Fᵀ, r the covariance's numerical rank.
    """

    factor: Tensor


class Moments:
    """Mean and scatter of features that arrive in batches; memory does not grow with their number.

    Batches are centred before they are added (Chan, Golub and LeVeque 1979, equation 2.1), so that
    features far from the origin lose no digits.

    Attributes:
        count: feature vectors seen so far.
    """

    def __init__(self, dim: int, device: torch.device | str = "cpu") -> None:
        self.count = 0
        self._mean = torch.zeros(dim, dtype=torch.float64, device=device)
        self._scatter = torch.zeros(dim, dim, dtype=torch.float64, device=device)

    def update(self, features: Tensor) -> None:
        """Add a batch of features, ``[N, D]``, of any floating type, N at least 1."""
        features = features.to(self._mean)  # [N, D], float64
        mean = features.mean(0)
        centred = features - mean
        self._scatter.addmm_(centred.T, centred)
        self._shift(len(features), mean)

    def merge(self, other: Moments) -> None:
        """Add what ``other`` has seen, as if its batches had come here."""
        if other.count:
            self._scatter += other._scatter
            self._shift(other.count, other._mean)

    def _shift(self, count: int, mean: Tensor) -> None:
        total = self.count + count
        apart = mean - self._mean
        self._scatter.addr_(apart, apart, alpha=self.count * count / total)
        self._mean += apart * (count / total)
        self.count = total

    def gaussian(self) -> Gaussian:
        """The Gaussian of what was seen, on the CPU; the covariance is divided by N - 1.

        Raises:
            ValueError: fewer than two feature vectors were seen.
        """
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 feature vectors, got {self.count}")
        covariance = self._scatter / (self.count - 1)
        return Gaussian(self._mean.cpu().clone(), covariance.cpu(), self.count)


def frechet_distance(sample: Gaussian, reference: Reference) -> float:
    """The Fréchet distance of two Gaussians, in squared units of the features; 0 for equal ones.

    It is symmetric in them; only the reference's factor is needed.

    Args:
        sample: of the features that are scored.
        reference: of the features that they are compared with; of the same dimension.

    Raises:
        ValueError: the dimensions differ, or a mean or covariance is not finite.
    """
    if sample.mean.shape != reference.mean.shape:
        raise ValueError(
            f"features of dimension {len(sample.mean)} against {len(reference.mean)}: "
            "both sides need the same features"
        )
    for side in (sample, reference):
        if not (side.mean.isfinite().all() and side.covariance.isfinite().all()):
            raise ValueError("a mean or covariance holds NaN or infinity")
    apart = sample.mean - reference.mean
    product = reference.factor.T @ sample.covariance @ reference.factor  # [r, r]
    roots = torch.linalg.eigvalsh(product).clamp(min=0).sqrt()
    traces = sample.covariance.trace() + reference.covariance.trace()
    return max(0.0, float(apart @ apart + traces - 2 * roots.sum()))
