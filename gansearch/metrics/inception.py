"""The Inception network that FID is defined by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from pytorch_fid.inception import (
    FIDInceptionA,
    FIDInceptionC,
    FIDInceptionE_1,
    FIDInceptionE_2,
)
from torch import Tensor, nn
from torchvision.models import inception_v3

from gansearch.errors import WeightsError
from gansearch.metrics.resize import RESIZES
from gansearch.metrics.weights import INCEPTION, PublishedWeights

DIM = 2048
WEIGHTS = INCEPTION

_BLOCKS: dict[str, Callable[[], nn.Module]] = {
    "Mixed_5b": lambda: FIDInceptionA(192, pool_features=32),
    "Mixed_5c": lambda: FIDInceptionA(256, pool_features=64),
    "Mixed_5d": lambda: FIDInceptionA(288, pool_features=64),
    "Mixed_6b": lambda: FIDInceptionC(768, channels_7x7=128),
    "Mixed_6c": lambda: FIDInceptionC(768, channels_7x7=160),
    "Mixed_6d": lambda: FIDInceptionC(768, channels_7x7=160),
    "Mixed_6e": lambda: FIDInceptionC(768, channels_7x7=192),
    "Mixed_7b": lambda: FIDInceptionE_1(1280),
    "Mixed_7c": lambda: FIDInceptionE_2(2048),
}
"""The blocks in which the published network differs from torchvision's; all from pytorch-fid."""


class Inception(nn.Module):
    """Images to the 2,048 features of the last pooling.

    Images are rounded to the 8 bits that they have in a file, gray ones become RGB, and they are
    resized to 299 pixels.

    Args:
        resize: the tool whose convention is followed, a key of
            :data:`gansearch.metrics.resize.RESIZES`.
    """

    def __init__(self, resize: str = "pytorch-fid") -> None:
        super().__init__()
        self.network = inception_v3(
            weights=None, num_classes=1008, aux_logits=False, init_weights=False
        )
        for name, build in _BLOCKS.items():
            setattr(self.network, name, build())
        self._resize = RESIZES[resize].apply

    def forward(self, images: Tensor) -> Tensor:
        """``[N, 1 or 3, H, W]`` in [-1, 1] → ``[N, 2048]``."""
        pixels = (images.float() + 1).mul(127.5).round().clamp(0, 255)
        features: Tensor = self.network(self._resize(pixels.expand(-1, 3, -1, -1)))
        return features


def load_inception(
    weights: Path | None = None,
    resize: str = "pytorch-fid",
    *,
    published: PublishedWeights | None = None,
) -> tuple[Inception, nn.Linear]:
    """The Inception network with its published weights, and its last layer.

    Args:
        weights: the file; without it torch's hub cache is looked in, then the network.
        resize: as :class:`Inception` takes it.
        published: which weights, unless :data:`WEIGHTS`. What others measure is not FID and must
            not be called so.

    Returns:
        The network to the features, and the layer from these to the logits of 1,008 classes. It is
        without its bias, as the Inception score is taken.

    Raises:
        WeightsError: the weights cannot be had, or their checksum is another; the file is then not
            loaded at all.
    """
    published = published or WEIGHTS
    state = published.load(weights)
    with torch.random.fork_rng(devices=[]):  # torch fills new layers from its global generator
        inception = Inception(resize)
    try:
        inception.network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{weights or published.file}: no weights of FID's Inception network: {error}"
        ) from error
    logits = inception.network.fc
    logits.bias = None
    inception.network.fc = nn.Identity()
    return inception.eval(), logits
