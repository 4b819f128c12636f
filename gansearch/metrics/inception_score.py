"""The Inception score (Salimans et al. 2016): one class in each image, all classes in the set."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from gansearch.config import EvaluationConfig
from gansearch.metrics.metric import FeaturesMetric, NamesByMethod
from gansearch.metrics.reference import Compared, Reference

SPLITS = 10
"""Number of parts of the samples, each with a score of its own (paper, section 4)."""


def inception_score(logits: Tensor, splits: int = SPLITS) -> Tensor:
    """Exponential of the mean KL divergence of p(class | image) from p(class), for each part.

    Args:
        logits: ``[N, classes]``, N at least ``splits``.
        splits: number of consecutive parts of nearly equal size.

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


def inception_score_metric(
    names: NamesByMethod, reference: Reference, _: EvaluationConfig
) -> FeaturesMetric:
    """The Inception score as a metric: the mean over the parts."""
    features = reference.features

    def score(vectors: Tensor) -> dict[str, float]:
        return {"inception_score": float(inception_score(features.logits(vectors)).mean())}

    method = f"Inception score, {SPLITS} splits, logits without bias"
    return FeaturesMetric(names, reference, Compared(), method, score)
