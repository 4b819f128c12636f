"""The Fréchet distance between the Gaussians of two sets of features.

In Inception features this is FID (Heusel et al. 2017, section 3). For Gaussians (m, C) and (n, S)
the distance is |m - n|² + tr C + tr S - 2 tr (C S)^½ (Dowson and Landau 1982, equation 4), the
squared 2-Wasserstein distance. With C = F Fᵀ the last trace equals the trace of the root of the
symmetric matrix Fᵀ S F. That takes a symmetric eigenproblem without eigenvectors, and the
reference's factor F is computed once. If S = Xᵀ X has fewer vectors X than dimensions, the smaller
matrix X F Fᵀ Xᵀ has the same nonzero eigenvalues.

Moments are accumulated on the device of the features. The eigenproblem is solved on the CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import blas, eigvalsh, lapack
from torch import Tensor

Matrix = NDArray[np.float64]


class Gaussian(Protocol):
    """Mean and covariance of a set of features, in double precision, on the CPU."""

    @property
    def mean(self) -> Tensor:
        """``[D]``, float64."""

    @property
    def covariance(self) -> Tensor:
        """``[D, D]``, float64, symmetric and positive semi-definite up to rounding."""

    @property
    def count(self) -> int:
        """Number of feature vectors in the estimate; 0 if unknown."""

    def trace(self) -> float:
        """Trace of the covariance."""

    def seen_through(self, factor: Matrix) -> Matrix:
        """A symmetric matrix with the nonzero eigenvalues of Fᵀ S F; the lower triangle is valid.

        Args:
            factor: F, as in :attr:`Factored.factor`.
        """


@dataclass(frozen=True, eq=False)
class Dense:
    """A Gaussian represented by its covariance."""

    mean: Tensor
    covariance: Tensor
    count: int

    def trace(self) -> float:
        """Trace of the covariance."""
        return float(self.covariance.trace())

    def seen_through(self, factor: Matrix) -> Matrix:
        """Fᵀ S F."""
        covariance = self.covariance.numpy()
        if _is_triangular(factor):  # takes a quarter of the operations of two products
            product, _ = lapack.dsygst(covariance, factor, itype=2, lower=1)
        else:
            product = factor.T @ covariance @ factor
        return cast(Matrix, product)


@dataclass(frozen=True, eq=False)
class Thin:
    """A Gaussian represented by at most D vectors.

    Attributes:
        rows: X with S = Xᵀ X, ``[N, D]``, float64: the centred vectors divided by √(N - 1).
    """

    mean: Tensor
    rows: Tensor
    count: int

    @cached_property
    def covariance(self) -> Tensor:
        """Xᵀ X."""
        return self.rows.T @ self.rows

    def trace(self) -> float:
        """Trace of the covariance."""
        return float(self.rows.square().sum())

    def seen_through(self, factor: Matrix) -> Matrix:
        """X F Fᵀ Xᵀ."""
        columns = self.rows.numpy().T  # [D, N]
        if _is_triangular(factor):
            seen = blas.dtrmm(1.0, factor, columns, lower=1, trans_a=1)
        else:
            seen = factor.T @ columns
        product: Matrix = blas.dsyrk(1.0, seen, trans=1, lower=1)
        return product


def _is_triangular(factor: Matrix) -> bool:
    return bool(factor.shape[0] == factor.shape[1])


@dataclass(frozen=True, eq=False)
class Factored:
    """A reference Gaussian, represented by a factor of its covariance.

    Attributes:
        mean: ``[D]``, float64.
        trace: trace of the covariance.
        factor: F with C = F Fᵀ, in Fortran order: lower triangular ``[D, D]``, or ``[D, r]`` if the
            numerical rank r of the covariance is at most D / 2.
    """

    mean: Tensor
    trace: float
    factor: Matrix

    @classmethod
    def of(cls, gaussian: Gaussian) -> Self:
        """Factor the covariance of a Gaussian; takes one eigenproblem, once for many distances."""
        values, vectors = torch.linalg.eigh(gaussian.covariance)
        noise = values.abs().max() * len(values) * torch.finfo(values.dtype).eps
        roots = torch.where(values > noise, values, 0).sqrt()
        factor = vectors * roots
        rank = int(roots.count_nonzero())
        factor = torch.linalg.qr(factor.T).R.T if 2 * rank > len(roots) else factor[:, -rank:]
        return cls(gaussian.mean, gaussian.trace(), np.asfortranarray(factor.numpy()))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Arrays for a file; the inverse of :meth:`from_arrays`."""
        return {"mean": self.mean.numpy(), "trace": np.array(self.trace), "factor": self.factor}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Restore the Gaussian from the arrays of :meth:`arrays`."""
        return cls(torch.from_numpy(arrays["mean"]), float(arrays["trace"]), arrays["factor"])


class Moments:
    """Accumulator of the mean and scatter matrix of features; memory is bounded.

    Up to D vectors are kept as they are, which takes less memory than the scatter matrix. Batches
    are centred before they are added (Chan, Golub and LeVeque 1979, equation 2.1), so that features
    far from the origin lose no precision.

    Attributes:
        count: number of feature vectors seen.
    """

    def __init__(self, dim: int, device: torch.device | str = "cpu") -> None:
        self.count = 0
        self._mean = torch.zeros(dim, dtype=torch.float64, device=device)
        self._scatter: Tensor | None = None
        self._kept: list[Tensor] = []  # [N, D] each

    def update(self, features: Tensor) -> None:
        """Add features ``[N, D]`` of any floating type, N at least 1."""
        self._kept.append(features.to(self._mean))  # float64
        self.count += len(features)
        if self.count > len(self._mean):
            self._fold()

    def _fold(self) -> None:
        """Add the kept vectors to the mean and the scatter matrix."""
        features = torch.cat(self._kept)
        self._kept = []
        before = self.count - len(features)
        mean = features.mean(0)
        centred = features - mean
        apart = mean - self._mean
        if self._scatter is None:
            self._scatter = centred.T @ centred
        else:
            self._scatter.addmm_(centred.T, centred)
            self._scatter.addr_(apart, apart, alpha=before * len(features) / self.count)
        self._mean += apart * (len(features) / self.count)

    def gaussian(self) -> Dense | Thin:
        """Gaussian of all vectors seen, on the CPU; the covariance has the divisor N - 1.

        Raises:
            ValueError: fewer than two feature vectors were seen.
        """
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 feature vectors, got {self.count}")
        if self._scatter is None:
            features = torch.cat(self._kept).cpu()
            mean = features.mean(0)
            return Thin(mean, (features - mean) / (self.count - 1) ** 0.5, self.count)
        covariance = self._scatter / (self.count - 1)
        return Dense(self._mean.cpu().clone(), covariance.cpu(), self.count)


def frechet_distance(sample: Gaussian, reference: Factored) -> float:
    """The Fréchet distance of two Gaussians, in squared units of the features; 0 if they are equal.

    The distance is symmetric, but only the reference needs a factor.

    Args:
        sample: Gaussian of the evaluated features.
        reference: Gaussian of the reference features, of the same dimension.

    Raises:
        ValueError: the dimensions differ, or a mean or covariance is not finite.
    """
    if sample.mean.shape != reference.mean.shape:
        raise ValueError(
            f"features of dimension {len(sample.mean)} against {len(reference.mean)}: "
            "both sides need the same features"
        )
    product = sample.seen_through(reference.factor)
    apart = sample.mean - reference.mean
    rest = float(apart @ apart) + sample.trace() + reference.trace
    if not (np.isfinite(rest) and np.isfinite(product.trace())):
        raise ValueError("a mean or covariance holds NaN or infinity")
    values = eigvalsh(product, driver="ev", lower=True, overwrite_a=True, check_finite=False)
    return max(0.0, rest - 2 * float(np.sqrt(values.clip(0)).sum()))
