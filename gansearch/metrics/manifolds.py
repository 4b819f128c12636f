"""Precision, recall, density and coverage: fidelity and diversity by nearest neighbours.

The manifold of a set is the union of balls around its vectors. A ball reaches to the k-th nearest
neighbour of its centre. Precision is the share of samples in the real manifold, recall the share of
real images in the samples' manifold (Kynkäänniemi et al. 2019, section 2). Density is the mean
number of real balls that contain a sample, divided by k. Coverage is the share of real balls that
contain a sample (Naeem et al. 2020, section 3). Density and coverage are less sensitive to
outliers. All four depend on the number of images.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from gansearch.config import EvaluationConfig
from gansearch.metrics.catalog import NEIGHBOURS
from gansearch.metrics.distances import squared_distances, within
from gansearch.metrics.metric import FeaturesMetric, NamesByMethod
from gansearch.metrics.reference import Reference

PRECISION_K = 3
"""Number of neighbours for precision and recall, as in the paper."""
DENSITY_K = NEIGHBOURS
"""Number of neighbours for density and coverage, as in the paper."""
LEAST = NEIGHBOURS + 1
"""Minimum number of vectors, so that each has enough neighbours."""

_ROWS = 1024  # rows of the distance matrix in memory at a time


@dataclass(frozen=True)
class Manifolds:
    """The four metrics of a set of samples; real images get about 1, density can exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def radii(vectors: Tensor) -> Tensor:
    """Squared distance of each vector to its third and to its fifth nearest neighbour.

    Args:
        vectors: ``[N, D]``, N at least :data:`LEAST`.

    Returns:
        ``[2, N]``, float64.
    """
    # The first of the nearest vectors is the vector itself.
    nearest = [
        squared_distances(rows, vectors).topk(LEAST, largest=False).values
        for rows in torch.split(vectors, _ROWS)
    ]
    return torch.cat(nearest)[:, [PRECISION_K, DENSITY_K]].T


def compare(sample: Tensor, reference: Tensor, reference_radii: Tensor) -> Manifolds:
    """Compute the four metrics of samples against real images.

    Args:
        sample: ``[M, D]``, M at least :data:`LEAST`.
        reference: ``[N, D]``.
        reference_radii: :func:`radii` of ``reference``.
    """
    narrow, wide = reference_radii  # [N] each
    own, _ = radii(sample)
    faithful = inside = torch.zeros((), dtype=torch.int64, device=sample.device)
    recalled = covered = torch.zeros_like(narrow, dtype=torch.bool)
    for rows, reach in zip(torch.split(sample, _ROWS), torch.split(own, _ROWS), strict=True):
        squares = squared_distances(rows, reference)  # [B, N]
        balls = within(squares, wide)
        faithful = faithful + within(squares, narrow).any(1).sum()
        inside = inside + balls.sum()
        recalled = recalled | within(squares, reach[:, None]).any(0)
        covered = covered | balls.any(0)
    return Manifolds(
        precision=float(faithful) / len(sample),
        recall=float(recalled.double().mean()),
        density=float(inside) / (DENSITY_K * len(sample)),
        coverage=float(covered.double().mean()),
    )


def manifolds_metric(
    names: NamesByMethod, reference: Reference, _: EvaluationConfig
) -> FeaturesMetric:
    """The measure of the four metrics, against as many real images as samples if available."""
    real = reference.derived("squared_radii", radii)
    return FeaturesMetric(
        names,
        reference,
        reference.subset,
        f"{PRECISION_K} neighbours for precision and recall, {DENSITY_K} for density and coverage, "
        "exact distances",
        lambda vectors: asdict(compare(vectors, reference.vectors, real)),
    )
