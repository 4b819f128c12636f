"""Equalised learning rate (Karras et al. 2018, Progressive Growing of GANs, section 4.1)."""

from __future__ import annotations

import math
from typing import TypeVar

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

M = TypeVar("M", bound=nn.Module)

SLOPE = 0.2
"""Negative slope of the leaky ReLU."""
SQRT_2 = math.sqrt(2)


class Gain(nn.Module):
    """Parametrisation that multiplies the stored parameter by a constant."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, stored: Tensor) -> Tensor:
        """Return the scaled parameter."""
        return stored * self.gain

    def right_inverse(self, stored: Tensor) -> Tensor:
        """Store an assigned value unscaled."""
        return stored


class ScaledLeakyReLU(nn.Module):
    """Leaky ReLU with slope 0.2, times √2 to preserve the activations' magnitude."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply elementwise."""
        return F.leaky_relu(x, SLOPE) * SQRT_2


def equalise(network: M, lr_multiplier: float = 1.0) -> M:
    """Store weights with unit variance and divide by √fan-in where they are used.

    A scale-invariant optimiser such as Adam then moves every layer by the same relative step. Each
    half of a separable convolution uses its own fan-in, which gives the composed kernel the
    variance of a dense one.

    Args:
        network: linear layers and convolutions are redrawn in place, with zero biases. Layers whose
            weight has another parametrisation are left alone.
        lr_multiplier: learning rate of these layers relative to the optimiser's.

    Returns:
        The same network.
    """
    for layer in list(network.modules()):
        if not isinstance(layer, nn.Linear | nn.Conv2d) or parametrize.is_parametrized(layer):
            continue
        fan_in = layer.weight[0].numel()
        nn.init.normal_(layer.weight, 0.0, 1 / lr_multiplier)
        parametrize.register_parametrization(
            layer, "weight", Gain(lr_multiplier / math.sqrt(fan_in))
        )
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
            if lr_multiplier != 1:
                parametrize.register_parametrization(layer, "bias", Gain(lr_multiplier))
    return network
