"""Spectral normalisation, with a separate rule for depthwise weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils.parametrizations import _SpectralNorm as SpectralNorm

M = TypeVar("M", bound=nn.Module)

POWER_ITERATIONS = 15
"""Power iterations after drawing a weight, as many as torch's spectral norm at construction."""
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
    """Set the singular vectors of all spectral norms to those of the current weights.

    In training one power iteration per update suffices, because weights change slowly. Weights
    that are set in another way, such as averages, would need an unknown number of iterations:
    the closer the two largest singular values, the more. The vectors are therefore computed from
    an eigendecomposition.

    Args:
        network: network whose singular vectors are changed in place.
    """
    for layer in network.modules():
        if not parametrize.is_parametrized(layer, "weight"):
            continue
        chain = layer.parametrizations["weight"]  # type: ignore[index]
        norm = chain[0]
        if isinstance(norm, SpectralNorm):
            matrix = norm._reshape_weight_to_matrix(chain.original)  # type: ignore[union-attr]
            left, right = _leading_singular_vectors(matrix)
            norm._u.copy_(left)
            norm._v.copy_(right)


def _leading_singular_vectors(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Left and right singular vectors of the largest singular value, by the smaller Gram matrix.

    Args:
        matrix: shape ``[rows, columns]``.
    """
    if len(matrix) > matrix.shape[1]:
        right, left = _leading_singular_vectors(matrix.T)
        return left, right
    _, vectors = torch.linalg.eigh(matrix @ matrix.T)  # eigenvalues in ascending order
    left = vectors[:, -1]
    return left, functional.normalize(matrix.T @ left, dim=0)


def _iterate(layer: nn.Module, times: int) -> None:
    """Iterate by reading the weight in training mode; each read is one iteration."""
    training = layer.training
    layer.train()
    for _ in range(times):
        _ = layer.weight
    layer.train(training)
