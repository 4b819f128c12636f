"""The first GAN's networks (Goodfellow et al. 2014, section 5 as released), for others too."""

from __future__ import annotations

from math import prod

from torch import Tensor, nn

from gansearch.nn.blocks import Maxout

Shape = tuple[int, int, int]
"""Of an image: channels, height and width."""

# Of the released configuration.
G_RANGE = 0.05  # the generator's weights are uniform in ± this
D_RANGE = 0.005
INPUT_DROPOUT = 0.2


class MlpGenerator(nn.Module):
    """Two layers of ReLU and one of sigmoid.

    Args:
        shape: of an image.
        inputs: length of the vector that comes in.
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
        pixels: Tensor = self.layers(z)  # the paper's, in [0, 1]
        return 2 * pixels - 1


class MaxoutDiscriminator(nn.Module):
    """Two layers of maxout with dropout before each, and a logit.

    Args:
        shape: of an image.
        hidden: maxout units of each hidden layer.
        pieces: linear pieces of a unit.
        dropout: share of the hidden units dropped; the input's is 0.2.
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
        # In the paper's [0, 1] a dropped pixel is a black one.
        logits: Tensor = self.layers((images + 1) / 2)
        return logits


def _uniform_(network: nn.Module, bound: float) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.zeros_(layer.bias)
