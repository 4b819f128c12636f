"""Mean and covariance of a set of features, in the forms that Fréchet distances need.

Moments are accumulated on the device of the features and returned on the CPU, in float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import blas, lapack
from torch import Tensor

Matrix = NDArray[np.float64]


class Moments(Protocol):
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

    def product_with(self, factor: Matrix) -> Matrix:
        """A symmetric matrix with the nonzero eigenvalues of Fᵀ S F; the lower triangle is valid.

        Args:
            factor: F, as in :attr:`FactoredMoments.factor`.
        """


@dataclass(frozen=True, eq=False)
class DenseMoments:
    """Moments represented by the covariance itself."""

    mean: Tensor
    covariance: Tensor
    count: int

    def trace(self) -> float:
        """Trace of the covariance."""
        return float(self.covariance.trace())

    def product_with(self, factor: Matrix) -> Matrix:
        """Fᵀ S F."""
        covariance = self.covariance.numpy()
        if _is_triangular(factor):  # takes a quarter of the operations of two products
            product, _ = lapack.dsygst(covariance, factor, itype=2, lower=1)
        else:
            product = factor.T @ covariance @ factor
        return cast(Matrix, product)


@dataclass(frozen=True, eq=False)
class ThinMoments:
    """Moments represented by at most D vectors.

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

    def product_with(self, factor: Matrix) -> Matrix:
        """X F Fᵀ Xᵀ."""
        columns = self.rows.numpy().T  # [D, N]
        if _is_triangular(factor):
            rotated = blas.dtrmm(1.0, factor, columns, lower=1, trans_a=1)
        else:
            rotated = factor.T @ columns
        product: Matrix = blas.dsyrk(1.0, rotated, trans=1, lower=1)
        return product


def _is_triangular(factor: Matrix) -> bool:
    return bool(factor.shape[0] == factor.shape[1])


@dataclass(frozen=True, eq=False)
class FactoredMoments:
    """Moments of a reference, represented by a factor of the covariance.

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
    def of(cls, moments: Moments) -> Self:
        """Factor the covariance of moments; takes one eigenproblem, once for many distances."""
        values, vectors = torch.linalg.eigh(moments.covariance)
        noise = values.abs().max() * len(values) * torch.finfo(values.dtype).eps
        roots = torch.where(values > noise, values, 0).sqrt()
        factor = vectors * roots
        rank = int(roots.count_nonzero())
        factor = torch.linalg.qr(factor.T).R.T if 2 * rank > len(roots) else factor[:, -rank:]
        return cls(moments.mean, moments.trace(), np.asfortranarray(factor.numpy()))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Arrays for a file; the inverse of :meth:`from_arrays`."""
        return {"mean": self.mean.numpy(), "trace": np.array(self.trace), "factor": self.factor}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Restore the moments from the arrays of :meth:`arrays`."""
        return cls(torch.from_numpy(arrays["mean"]), float(arrays["trace"]), arrays["factor"])


class MomentsAccumulator:
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

    def moments(self) -> DenseMoments | ThinMoments:
        """Moments of all vectors seen, on the CPU; the covariance has the divisor N - 1.

        Raises:
            ValueError: fewer than two feature vectors were seen.
        """
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 feature vectors, got {self.count}")
        if self._scatter is None:
            features = torch.cat(self._kept).cpu()
            mean = features.mean(0)
            return ThinMoments(mean, (features - mean) / (self.count - 1) ** 0.5, self.count)
        covariance = self._scatter / (self.count - 1)
        return DenseMoments(self._mean.cpu().clone(), covariance.cpu(), self.count)
