"""The kernel distance between two sets of features: KID (Bińkowski et al. 2018, section 4).

KID is the squared maximum mean discrepancy under the kernel (x·y / D + 1)³. The estimate is
unbiased and uses all pairs (Gretton et al. 2012, equation 3). It does not depend on the number of
samples in expectation and can be negative. Papers and tools that average over subsets estimate the
same value with more noise.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gansearch.config import EvaluationConfig
from gansearch.metrics.metric import FeaturesMetric, NamesByMethod
from gansearch.metrics.reference import Reference

_ROWS = 1024  # rows of the kernel matrix in memory at a time


def kernel_distance(
    sample: Tensor, reference: Tensor, reference_mean: float | None = None
) -> float:
    """Unbiased estimate of the kernel distance, with mean 0 for sets of the same distribution.

    Args:
        sample: ``[M, D]``, M at least 2.
        reference: ``[N, D]``, N at least 2.
        reference_mean: :func:`mean_within` of ``reference``, if already computed.
    """
    if reference_mean is None:
        reference_mean = float(mean_within(reference))
    pairs = len(sample) * len(reference)
    across = float(_kernel_sum(sample, reference)) / pairs
    return float(mean_within(sample)) + reference_mean - 2 * across


def mean_within(vectors: Tensor) -> Tensor:
    """Mean of the kernel over all pairs of different rows of ``[N, D]``, as a float64 scalar."""
    count, dim = vectors.shape
    alone = (vectors.double().square().sum(1) / dim + 1).pow(3).sum()
    return (_kernel_sum(vectors, vectors) - alone) / (count * (count - 1))


def _kernel_sum(x: Tensor, y: Tensor) -> Tensor:
    x, y = x.double(), y.double()
    dim = x.shape[1]
    return torch.stack(
        [(rows @ y.T / dim + 1).pow(3).sum() for rows in torch.split(x, _ROWS)]
    ).sum()


def kernel_metric(
    names: NamesByMethod, reference: Reference, _: EvaluationConfig
) -> FeaturesMetric:
    """KID as a metric, against as many real images as samples, or all if there are fewer."""
    mean = float(reference.derived("kernel", mean_within))
    return FeaturesMetric(
        names,
        reference,
        reference.subset,
        "unbiased MMD² of all pairs under (x·y/D + 1)³",
        lambda vectors: {"kid": kernel_distance(vectors, reference.vectors, mean)},
    )
