"""Spectral normalisation that is right on depthwise weights too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils.parametrizations import _SpectralNorm as SpectralNorm

M = TypeVar("M", bound=nn.Module)

POWER_ITERATIONS = 15
"""As many as torch's spectral norm makes at construction."""
SETTLING = 50
"""Power iterations after which an estimate of the norm is right to far less than 1 %, even of
weights whose largest singular values lie close together."""
VECTORS = ("_u", "_v")
"""The buffers of torch's spectral norm."""


class UnitFilters(nn.Module):
    """Scales every filter of a depthwise weight to Euclidean norm 1.

    The weight's shape is ``[out, in / groups, k, k]``; the last two axes are one filter.
    """

    def forward(self, weight: Tensor) -> Tensor:
        """The weight that the layer uses."""
        norm: Tensor = torch.linalg.vector_norm(weight, dim=(-2, -1), keepdim=True)
        return weight / norm.clamp_min(1e-12)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """The stored weight may have any scale."""
        return weight


def spectral_norm(layer: M) -> M:
    """Divide the layer's weight by its spectral norm (Miyato et al. 2018, section 2.1).

    The filters of a depthwise weight are normalised one by one. Flattened to channels by k² as a
    dense weight is, its norm would grow with the number of channels, which share nothing, and the
    layer's gain fall to k / (k + √channels). With filters of norm 1 and a normalised pointwise
    half, the dense kernel that a separable convolution composes has the spectral norm 1.

    Args:
        layer: a linear or convolutional layer; changed in place and returned.
    """
    if is_depthwise(layer):
        parametrize.register_parametrization(layer, "weight", UnitFilters())
    else:
        parametrizations.spectral_norm(layer)
    return layer


def is_depthwise(layer: nn.Module) -> bool:
    """Whether the layer is a convolution that mixes no channels."""
    return (
        isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        and layer.groups == layer.in_channels
        and layer.in_channels > 1
    )


@torch.no_grad()
def draw_weight(layer: nn.Module, draw: Callable[[Tensor], object]) -> None:
    """Fill the weight that a layer stores, under a spectral norm or not.

    Args:
        layer: with a ``weight``.
        draw: fills a tensor in place, e.g. ``nn.init.orthogonal_``.
    """
    if not parametrize.is_parametrized(layer, "weight"):
        draw(layer.weight)  # type: ignore[arg-type]
        return
    original: Tensor = layer.parametrizations["weight"].original  # type: ignore[index, union-attr]
    draw(original)
    if original.is_meta:
        return
    # The singular vectors belong to the weight before: with those, the first steps would divide by
    # a norm that is far too small.
    _iterate(layer, POWER_ITERATIONS)


def singular_vectors(network: nn.Module) -> list[Tensor]:
    """The estimated singular vectors of all spectral norms in a network, which are buffers."""
    norms = [part for part in network.modules() if isinstance(part, SpectralNorm)]
    return [getattr(norm, name) for norm in norms for name in VECTORS]


@torch.no_grad()
def settle(network: nn.Module) -> None:
    """Bring the estimated singular vectors of all spectral norms to the weights as they are now.

    In training one iteration an update follows a weight that moves slowly. Weights that were put in
    place otherwise, averages say, need more.

    Args:
        network: whose vectors are changed in place.
    """
    for layer in network.modules():
        if parametrize.is_parametrized(layer, "weight"):
            chain = layer.parametrizations["weight"]  # type: ignore[index]
            if any(isinstance(step, SpectralNorm) for step in chain):
                _iterate(layer, SETTLING)


def _iterate(layer: nn.Module, times: int) -> None:
    """Reading the weight in training mode iterates once."""
    training = layer.training
    layer.train()
    for _ in range(times):
        _ = layer.weight
    layer.train(training)
