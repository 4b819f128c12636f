"""Conditional normalisation, and replacement of batch norms by layer norms."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

GAIN_STD = 0.02
"""Initial standard deviation of a class's gain."""


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation with a scale and shift by condition (Dumoulin et al. 2017, eq. 5).

    The whole batch is normalised; each image is then scaled by 1 + gain(condition) and shifted by
    bias(condition).

    Args:
        channels: input channels.
        affine: makes the module that maps conditions to ``[N, channels]``: an embedding of labels
            or a linear layer over vectors.
    """

    def __init__(self, channels: int, affine: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = affine(channels)
        self.bias = affine(channels)
        # Embeddings start from N(0, 1) by default, which would swamp the features.
        if isinstance(self.gain, nn.Embedding) and isinstance(self.bias, nn.Embedding):
            nn.init.normal_(self.gain.weight, 0.0, GAIN_STD)
            nn.init.zeros_(self.bias.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """``[N, C, H, W]`` and one condition for each image → ``[N, C, H, W]``."""
        gain, bias = self.gain(condition), self.bias(condition)  # [N, C]
        return torch.addcmul(bias[:, :, None, None], self.norm(x), 1 + gain[:, :, None, None])


def unmix_(network: nn.Module) -> None:
    """Replace every batch normalisation by layer normalisation (Ba et al. 2016).

    Each image is then normalised separately, over its channels and positions. The learnt scales and
    shifts are kept.

    Args:
        network: network to change in place.
    """
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, BatchNorm):
                norm = nn.GroupNorm(1, child.num_features, child.eps, affine=False)
                norm.weight, norm.bias = child.weight, child.bias
                setattr(parent, name, norm)
