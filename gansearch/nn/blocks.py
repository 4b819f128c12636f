"""Layers that torch lacks."""

from __future__ import annotations

from torch import Tensor, nn


class Maxout(nn.Module):
    """The maximum of several linear functions (Goodfellow et al. 2013, Maxout Networks, section 2).

    Args:
        inputs: input features.
        units: output features.
        pieces: linear functions per unit.
    """

    def __init__(self, inputs: int, units: int, pieces: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, units * pieces)
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """``[N, inputs]`` → ``[N, units]``."""
        pieces: Tensor = self.linear(x).view(len(x), self.pieces, -1)
        return pieces.amax(dim=1)
