"""The Inception score (Salimans et al. 2016): is an image of one class, are all classes there?"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from gansearch.config import EvaluationConfig
from gansearch.metrics.measure import Names, VectorsMeasure
from gansearch.metrics.reference import Compared, Reference

SPLITS = 10
"""Parts of the samples that are scored apart, as in the paper, section 4."""


def inception_score(logits: Tensor, splits: int = SPLITS) -> Tensor:
    """The exponential of the mean divergence of p(class | image) from p(class), part by part.

    Args:
        logits: ``[N, classes]``, N at least ``splits``.
        splits: consecutive parts of as equal a size as can be.

    Returns:
        ``[splits]``, float64 in [1, classes].
    """
    logs = logits.double().log_softmax(1)
    edges = [len(logs) * part // splits for part in range(splits + 1)]
    scores = []
    for start, end in pairwise(edges):
        part = logs[start:end]
        marginal = part.logsumexp(0) - math.log(len(part))
        scores.append((part.exp() * (part - marginal)).sum(1).mean().exp())
    return torch.stack(scores)


def inception_score_measure(
    names: Names, reference: Reference, _: EvaluationConfig
) -> VectorsMeasure:
    """The mean of the parts' scores as a metric."""
    features = reference.features

    def score(vectors: Tensor) -> dict[str, float]:
        return {"inception_score": float(inception_score(features.logits(vectors)).mean())}

    method = f"Inception score, {SPLITS} splits, logits without bias"
    return VectorsMeasure(names, reference, Compared(), method, score)
