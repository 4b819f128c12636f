"""Fidelity and diversity apart: how two sets of features lie among each other's nearest neighbours.

A set's manifold is the union of balls about its vectors, each as far as that vector's k-th nearest
neighbour. Precision is the share of samples within the real manifold and recall the share of real
images within the samples' (Kynkäänniemi et al. 2019, section 2). Density counts how many real balls
a sample is in, over k, and coverage the share of real balls with a sample in them (Naeem et al.
2020, section 3): they suffer less from outliers. All depend on the number of images.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from gansearch.config import EvaluationConfig
from gansearch.metrics.catalog import NEIGHBOURS
from gansearch.metrics.distances import squared_distances, within
from gansearch.metrics.measure import Names, VectorsMeasure
from gansearch.metrics.reference import Reference

PRECISION_K = 3
"""Neighbours of precision and recall, as in the paper."""
DENSITY_K = NEIGHBOURS
"""Neighbours of density and coverage, as in the paper."""
LEAST = NEIGHBOURS + 1
"""Vectors that have so many neighbours."""

_ROWS = 1024  # of a matrix of distances that is in memory at a time


@dataclass(frozen=True)
class Manifolds:
    """How samples lie among real images; 1 is as good as real, density may be above."""

    precision: float
    recall: float
    density: float
    coverage: float


def radii(vectors: Tensor) -> Tensor:
    """Squared distances of each vector to its third and to its fifth nearest neighbour.

    Args:
        vectors: ``[N, D]``, N at least :data:`LEAST`.

    Returns:
        ``[2, N]``, float64.
    """
    nearest = [
        squared_distances(rows, vectors).topk(LEAST, largest=False).values  # the first is itself
        for rows in torch.split(vectors, _ROWS)
    ]
    return torch.cat(nearest)[:, [PRECISION_K, DENSITY_K]].T


def compare(sample: Tensor, reference: Tensor, reference_radii: Tensor) -> Manifolds:
    """The four metrics of samples against real images.

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


def manifolds_measure(names: Names, reference: Reference, _: EvaluationConfig) -> VectorsMeasure:
    """The four as metrics, against as many real images as samples where there are so many."""
    real = reference.derived("squared_radii", radii)
    return VectorsMeasure(
        names,
        reference,
        reference.subset,
        f"{PRECISION_K} neighbours for precision and recall, {DENSITY_K} for density and coverage, "
        "exact distances",
        lambda vectors: asdict(compare(vectors, reference.vectors, real)),
    )
