"""Equalised learning rate (Karras et al. 2018, Progressive Growing of GANs, section 4.1)."""

from __future__ import annotations

import math
from typing import TypeVar

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

M = TypeVar("M", bound=nn.Module)

SLOPE = 0.2
SQRT_2 = math.sqrt(2)


class Gain(nn.Module):
    """The parameter that a layer uses is the stored one times a constant."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, stored: Tensor) -> Tensor:
        """The parameter as it is used."""
        return stored * self.gain

    def right_inverse(self, stored: Tensor) -> Tensor:
        """What is assigned is stored as it is."""
        return stored


class ScaledLeakyReLU(nn.Module):
    """Leaky ReLU of slope 0.2, times √2: with it the activations keep their magnitude."""

    def forward(self, x: Tensor) -> Tensor:
        """Elementwise."""
        return F.leaky_relu(x, SLOPE) * SQRT_2


def equalise(network: M, lr_multiplier: float = 1.0) -> M:
    """Store weights of unit variance and divide by √fan-in wherever they are used.

    An optimiser that is indifferent to the gradient's scale, as Adam is, then moves all layers by
    the same share of their weights in one step. The halves of a separable convolution have a
    fan-in of their own, with which the kernel that they compose has the dense one's variance.

    Args:
        network: its linear layers and convolutions are drawn anew, biases at 0; those whose weight
            is normalised in another way already are left as they are. Changed in place.
        lr_multiplier: of these layers' learning rate against the optimiser's.

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
