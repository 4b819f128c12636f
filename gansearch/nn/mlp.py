"""Multilayer perceptrons of the first GAN (Goodfellow et al. 2014, section 5; released code)."""

from __future__ import annotations

from math import prod

from torch import Tensor, nn

from gansearch.nn.blocks import Maxout

Shape = tuple[int, int, int]
"""Channels, height and width of an image."""

G_RANGE, D_RANGE = 0.05, 0.005
"""Weights of G and D start uniform in ± this range (released configuration)."""
INPUT_DROPOUT = 0.2
"""Share of D's input pixels that are dropped (released configuration)."""


class MlpGenerator(nn.Module):
    """Two hidden ReLU layers and a sigmoid output.

    Args:
        shape: shape of an image.
        inputs: length of the input vector.
        hidden: units of each hidden layer.
    """

    def __init__(self, shape: Shape, *, inputs: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(inputs, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, prod(shape)),
            nn.Sigmoid(),
            nn.Unflatten(1, shape),
        )
        _uniform_(self, G_RANGE)

    def forward(self, z: Tensor) -> Tensor:
        """``[N, inputs]`` → ``[N, C, H, W]`` in [-1, 1]."""
        pixels: Tensor = self.layers(z)  # in [0, 1], as in the paper
        return 2 * pixels - 1


class MaxoutDiscriminator(nn.Module):
    """Two maxout layers with dropout before each, and one logit.

    Args:
        shape: shape of an image.
        hidden: maxout units of each hidden layer.
        pieces: linear pieces of a unit.
        dropout: share of hidden units that are dropped; :data:`INPUT_DROPOUT` holds for the input.
    """

    def __init__(self, shape: Shape, *, hidden: int, pieces: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(INPUT_DROPOUT),
            Maxout(prod(shape), hidden, pieces),
            nn.Dropout(dropout),
            Maxout(hidden, hidden, pieces),
            nn.Dropout(dropout),
            nn.Linear(hidden, 1),
            nn.Flatten(0),
        )
        _uniform_(self, D_RANGE)

    def forward(self, images: Tensor) -> Tensor:
        """``[N, C, H, W]`` in [-1, 1] → logits ``[N]``."""
        # In the paper's range [0, 1] a dropped pixel is black.
        logits: Tensor = self.layers((images + 1) / 2)
        return logits


def _uniform_(network: nn.Module, bound: float) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.zeros_(layer.bias)
