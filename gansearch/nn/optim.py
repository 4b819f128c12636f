"""Fused optimisers, torch's fastest form on CPU and GPU alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import nn
from torch.optim import SGD, Adam, Optimizer

OptimiserFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
"""Makes the optimiser of some parameters."""


def adam(lr: float, beta1: float, beta2: float) -> OptimiserFactory:
    """Adam (Kingma & Ba 2015) with decay rates of the first and second moment."""
    betas = (float(beta1), float(beta2))  # torch refuses mixed int and float
    return lambda parameters: Adam(parameters, lr=lr, betas=betas, fused=True)


def sgd(lr: float, momentum: float) -> OptimiserFactory:
    """Stochastic gradient descent with momentum."""
    return lambda parameters: SGD(parameters, lr=lr, momentum=momentum, fused=True)
