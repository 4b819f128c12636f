"""Optimisers, fused: on CPU and GPU alike the fastest form that torch has of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import nn
from torch.optim import SGD, Adam, Optimizer

OptimiserFactory = Callable[[Iterable[nn.Parameter]], Optimizer]


def adam(lr: float, beta1: float, beta2: float) -> OptimiserFactory:
    """Adam (Kingma & Ba 2015) at a learning rate and decays of the first and second moment."""
    betas = (float(beta1), float(beta2))  # torch refuses an int beside a float
    return lambda parameters: Adam(parameters, lr=lr, betas=betas, fused=True)


def sgd(lr: float, momentum: float) -> OptimiserFactory:
    """Gradient descent with momentum."""
    return lambda parameters: SGD(parameters, lr=lr, momentum=momentum, fused=True)
