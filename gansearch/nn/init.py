"""Initialisation of whole networks."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from gansearch.nn.conv import SeparableConv
from gansearch.nn.spectral import draw_weight


def normal_(network: nn.Module, std: float) -> None:
    """Draw a network's weights as DCGAN does (Radford et al. 2015, section 4 and released code).

    Linear and convolutional weights are N(0, std²), batch norms' scales N(1, std²), biases 0. The
    dense kernel that a separable convolution stands for has the standard deviation ``std``.

    Args:
        network: initialised in place; layers of other kinds are left as they are.
        std: standard deviation of the weights.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            draw_weight(layer, partial(_normal, std=std))
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, std)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    for layer in network.modules():
        if isinstance(layer, SeparableConv):  # its halves, drawn above one by one, belong together
            layer.draw_weights(_normal, std)


def _normal(weight: Tensor, std: float) -> Tensor:
    return nn.init.normal_(weight, 0.0, std)
