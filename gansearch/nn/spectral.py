"""Spectral normalisation, with a separate rule for depthwise weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils.parametrizations import _SpectralNorm as SpectralNorm

M = TypeVar("M", bound=nn.Module)

POWER_ITERATIONS = 15
"""Power iterations after drawing a weight, as many as torch's spectral norm at construction."""
SETTLING = 50
"""Power iterations after which the norm's error is far below 1 %, even if the largest singular
values are close together."""
VECTORS = ("_u", "_v")
"""Names of the buffers of torch's spectral norm."""


class UnitFilters(nn.Module):
    """Parametrisation that scales every filter of a depthwise weight to Euclidean norm 1.

    The weight has shape ``[out, in / groups, k, k]``; the last two axes form a filter.
    """

    def forward(self, weight: Tensor) -> Tensor:
        """Return the normalised weight."""
        norm: Tensor = torch.linalg.vector_norm(weight, dim=(-2, -1), keepdim=True)
        return weight / norm.clamp_min(1e-12)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Store an assigned weight unscaled."""
        return weight


def spectral_norm(layer: M) -> M:
    """Divide the layer's weight by its spectral norm (Miyato et al. 2018, section 2.1).

    The filters of a depthwise weight are normalised separately. Flattened to channels by k² like a
    dense weight, its norm would grow with the number of independent channels, and the layer's gain
    would fall to k / (k + √channels). With filters of norm 1 and a normalised pointwise half, the
    composed dense kernel of a separable convolution has spectral norm 1.

    Args:
        layer: linear or convolutional layer; changed in place and returned.
    """
    if is_depthwise(layer):
        parametrize.register_parametrization(layer, "weight", UnitFilters())
    else:
        parametrizations.spectral_norm(layer)
    return layer


def is_depthwise(layer: nn.Module) -> bool:
    """Whether the layer is a convolution that does not mix channels."""
    return (
        isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        and layer.groups == layer.in_channels
        and layer.in_channels > 1
    )


@torch.no_grad()
def draw_weight(layer: nn.Module, draw: Callable[[Tensor], object]) -> None:
    """Initialise the stored weight of a layer, with or without spectral norm.

    Args:
        layer: layer with a ``weight``.
        draw: fills a tensor in place, e.g. ``nn.init.orthogonal_``.
    """
    if not parametrize.is_parametrized(layer, "weight"):
        draw(layer.weight)  # type: ignore[arg-type]
        return
    original: Tensor = layer.parametrizations["weight"].original  # type: ignore[index, union-attr]
    draw(original)
    if original.is_meta:
        return
    # The singular vectors still belong to the previous weight. Without new iterations the first
    # steps would divide by a norm that is far too small.
    _iterate(layer, POWER_ITERATIONS)


def singular_vectors(network: nn.Module) -> list[Tensor]:
    """The buffers with the estimated singular vectors of all spectral norms in a network."""
    norms = [part for part in network.modules() if isinstance(part, SpectralNorm)]
    return [getattr(norm, name) for norm in norms for name in VECTORS]


@torch.no_grad()
def settle(network: nn.Module) -> None:
    """Update the estimated singular vectors of all spectral norms to the current weights.

    In training one iteration per update suffices, because weights change slowly. Weights that are
    set in another way, such as averages, need more iterations.

    Args:
        network: network whose singular vectors are changed in place.
    """
    for layer in network.modules():
        if parametrize.is_parametrized(layer, "weight"):
            chain = layer.parametrizations["weight"]  # type: ignore[index]
            if any(isinstance(step, SpectralNorm) for step in chain):
                _iterate(layer, SETTLING)


def _iterate(layer: nn.Module, times: int) -> None:
    """Iterate by reading the weight in training mode; each read is one iteration."""
    training = layer.training
    layer.train()
    for _ in range(times):
        _ = layer.weight
    layer.train(training)
