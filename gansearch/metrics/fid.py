"""The Fréchet distance between the Gaussians of two sets of features.

It is what FID is (Heusel et al. 2017, section 3). For Gaussians (m, C) and (n, S) it is
|m - n|² + tr C + tr S - 2 tr (C S)^½ (Dowson and Landau 1982, equation 4), which is the squared
2-Wasserstein distance. With C = F Fᵀ the last trace is that of the root of the symmetric Fᵀ S F: a
symmetric eigenproblem without vectors does, and the factor F of the reference is computed once. Of
fewer vectors X than dimensions, S = Xᵀ X, the smaller matrix X F Fᵀ Xᵀ has the same eigenvalues.

Features are summed on their own device; the one matrix that is left at the end is the CPU's.
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
        """The feature vectors that it was estimated from; 0 where that is not known."""

    def trace(self) -> float:
        """The covariance's trace."""

    def seen_through(self, factor: Matrix) -> Matrix:
        """A matrix whose lower triangle has the eigenvalues of Fᵀ S F that are not 0.

        Args:
            factor: F, as :attr:`Factored.factor` is.
        """


@dataclass(frozen=True, eq=False)
class Dense:
    """A Gaussian given by its covariance."""

    mean: Tensor
    covariance: Tensor
    count: int

    def trace(self) -> float:
        """The covariance's trace."""
        return float(self.covariance.trace())

    def seen_through(self, factor: Matrix) -> Matrix:
        """Fᵀ S F."""
        covariance = self.covariance.numpy()
        if _is_triangular(factor):  # a quarter of the operations of two products
            product, _ = lapack.dsygst(covariance, factor, itype=2, lower=1)
        else:
            product = factor.T @ covariance @ factor
        return cast(Matrix, product)


@dataclass(frozen=True, eq=False)
class Thin:
    """A Gaussian of few vectors, given by them.

    Attributes:
        rows: ``[N, D]``, float64, X with S = Xᵀ X: centred, divided by √(N - 1).
    """

    mean: Tensor
    rows: Tensor
    count: int

    @cached_property
    def covariance(self) -> Tensor:
        """Xᵀ X."""
        return self.rows.T @ self.rows

    def trace(self) -> float:
        """The covariance's trace."""
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
    """A Gaussian that others are compared with, by a factor of its covariance.

    Attributes:
        mean: ``[D]``, float64.
        trace: the covariance's.
        factor: F with C = F Fᵀ, in Fortran's order: lower triangular ``[D, D]``, or, where the
            covariance's numerical rank r is at most half of that, ``[D, r]``.
    """

    mean: Tensor
    trace: float
    factor: Matrix

    @classmethod
    def of(cls, gaussian: Gaussian) -> Self:
        """A Gaussian with its factor: one eigenproblem, worth it where many are compared."""
        values, vectors = torch.linalg.eigh(gaussian.covariance)
        noise = values.abs().max() * len(values) * torch.finfo(values.dtype).eps
        roots = torch.where(values > noise, values, 0).sqrt()
        factor = vectors * roots
        rank = int(roots.count_nonzero())
        factor = torch.linalg.qr(factor.T).R.T if 2 * rank > len(roots) else factor[:, -rank:]
        return cls(gaussian.mean, gaussian.trace(), np.asfortranarray(factor.numpy()))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What a file keeps; :meth:`from_arrays` reads it back."""
        return {"mean": self.mean.numpy(), "trace": np.array(self.trace), "factor": self.factor}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The Gaussian that :meth:`arrays` gave."""
        return cls(torch.from_numpy(arrays["mean"]), float(arrays["trace"]), arrays["factor"])


class Moments:
    """Mean and scatter of features that arrive in batches; memory does not grow with their number.

    The first D vectors are kept as they are: while there are no more, they say as much in less.
    Batches are centred before they are added (Chan, Golub and LeVeque 1979, equation 2.1), so that
    features far from the origin lose no digits.

    Attributes:
        count: feature vectors seen so far.
    """

    def __init__(self, dim: int, device: torch.device | str = "cpu") -> None:
        self.count = 0
        self._mean = torch.zeros(dim, dtype=torch.float64, device=device)
        self._scatter: Tensor | None = None
        self._kept: list[Tensor] = []  # [N, D] each

    def update(self, features: Tensor) -> None:
        """Add a batch of features, ``[N, D]``, of any floating type, N at least 1."""
        self._kept.append(features.to(self._mean))  # float64
        self.count += len(features)
        if self.count > len(self._mean):
            self._fold()

    def _fold(self) -> None:
        """Add what is kept to the mean and the scatter."""
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
        """The Gaussian of what was seen, on the CPU; the covariance is divided by N - 1.

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
    product = sample.seen_through(reference.factor)
    apart = sample.mean - reference.mean
    rest = float(apart @ apart) + sample.trace() + reference.trace
    if not (np.isfinite(rest) and np.isfinite(product.trace())):
        raise ValueError("a mean or covariance holds NaN or infinity")
    values = eigvalsh(product, driver="ev", lower=True, overwrite_a=True, check_finite=False)
    return max(0.0, rest - 2 * float(np.sqrt(values.clip(0)).sum()))
