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

    Linear and convolutional weights are N(0, std²), batch-norm scales N(1, std²), biases 0. A
    separable convolution's composed dense kernel has the standard deviation ``std``.

    Args:
        network: initialised in place; other kinds of layers are left alone.
        std: standard deviation of the weights.
    """
    _draw(network, partial(_normal, std=std), lambda _: std)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d) and layer.affine:
            nn.init.normal_(layer.weight, 1.0, std)
            nn.init.zeros_(layer.bias)


def glorot_(network: nn.Module, gain: float = 1.0) -> None:
    """Draw Glorot weights: uniform with variance 2 gain² / (fan-in + fan-out) (2010, eq. 16).

    Args:
        network: linear and convolutional layers are initialised in place; biases are 0.
        gain: factor of the weights.
    """

    def deviation(layer: SeparableConv) -> float:
        return gain * math.sqrt(2 / sum(layer.fans))

    _draw(network, partial(nn.init.xavier_uniform_, gain=gain), deviation)


def orthogonal_(network: nn.Module) -> None:
    """Draw orthogonal weight matrices (Saxe et al. 2014) and zero biases.

    A separable convolution's composed kernel has the standard deviation of an orthogonal one.
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
    """Fill dense weights by ``draw`` and separable ones with the dense layer's deviation."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            draw_weight(layer, draw)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    for layer in network.modules():
        if isinstance(layer, SeparableConv):  # drawn jointly; overwrites the halves drawn above
            layer.draw_weights(_normal, deviation(layer))


def _normal(weight: Tensor, std: float) -> Tensor:
    return nn.init.normal_(weight, 0.0, std)


def _orthogonal(weight: Tensor) -> Tensor:
    # torch's initialiser takes contiguous weights only; convolutions may be channels_last.
    return weight.copy_(
        nn.init.orthogonal_(torch.empty_like(weight, memory_format=torch.contiguous_format))
    )
