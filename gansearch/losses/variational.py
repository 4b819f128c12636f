"""The terms of the evidence lower bound (Kingma & Welling 2014, equation 10), in nats."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor


def divergence_from_prior(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) ‖ N(0, 1)) of each row, summed over dimensions (appendix B).

    Args:
        mean: ``[N, D]``.
        log_variance: ``[N, D]``.

    Returns:
        ``[N]``, at least 0.
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2


def bernoulli_log_likelihood(logits: Tensor, pixels: Tensor) -> Tensor:
    """Bernoulli log-likelihood of each image with independent pixels (appendix C.1).

    A gray pixel contributes the expectation over black and white.

    Args:
        logits: logits of a white pixel, ``[N, C, H, W]``.
        pixels: ``[N, C, H, W]`` in [0, 1].

    Returns:
        ``[N]``, at most 0.
    """
    return -F.binary_cross_entropy_with_logits(logits, pixels, reduction="none").flatten(1).sum(1)


def gaussian_log_likelihood(means: Tensor, log_deviation: Tensor, pixels: Tensor) -> Tensor:
    """Gaussian log-likelihood of each image with independent pixels (appendix C.2).

    Args:
        means: ``[N, C, H, W]``.
        log_deviation: log standard deviation of every pixel, a scalar.
        pixels: ``[N, C, H, W]``.

    Returns:
        ``[N]``.
    """
    squares = ((pixels - means) * (-log_deviation).exp()).square()
    return -(squares / 2 + log_deviation + math.log(2 * math.pi) / 2).flatten(1).sum(1)
