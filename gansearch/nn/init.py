"""Initialisation of whole networks."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
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
    _draw(network, partial(_normal, std=std), lambda _: std)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d) and layer.affine:
            nn.init.normal_(layer.weight, 1.0, std)
            nn.init.zeros_(layer.bias)


def glorot_(network: nn.Module, gain: float = 1.0) -> None:
    """Draw weights as Glorot & Bengio 2010, eq. 16: uniform, with a variance of 2 gain² / fans.

    Args:
        network: its linear and convolutional layers are initialised in place; biases are 0.
        gain: by which the weights are multiplied.
    """

    def deviation(layer: SeparableConv) -> float:
        return gain * math.sqrt(2 / sum(layer.fans))

    _draw(network, partial(nn.init.xavier_uniform_, gain=gain), deviation)


def orthogonal_(network: nn.Module) -> None:
    """Draw weights that are orthogonal matrices (Saxe et al. 2014), with biases of 0.

    The dense kernel that a separable convolution stands for has an orthogonal one's deviation.
    """

    def deviation(layer: SeparableConv) -> float:
        fan_in, fan_out = layer.fans
        return 1 / math.sqrt(max(fan_in, fan_out // layer.depthwise.kernel_size[0] ** 2))

    _draw(network, _orthogonal, deviation)


def _draw(
    network: nn.Module,
    draw: Callable[[Tensor], Tensor],
    deviation: Callable[[SeparableConv], float],
) -> None:
    """Fill dense weights by ``draw``, separable ones by the deviation that a dense one has."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            draw_weight(layer, draw)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    for layer in network.modules():
        if isinstance(layer, SeparableConv):  # its halves, drawn above one by one, belong together
            layer.draw_weights(_normal, deviation(layer))


def _normal(weight: Tensor, std: float) -> Tensor:
    return nn.init.normal_(weight, 0.0, std)


def _orthogonal(weight: Tensor) -> Tensor:
    # torch's own takes contiguous weights only, and convolutions may lie channels last.
    return weight.copy_(
        nn.init.orthogonal_(torch.empty_like(weight, memory_format=torch.contiguous_format))
    )
