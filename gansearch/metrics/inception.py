"""The Inception network of FID."""

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
from gansearch.metrics import weights
from gansearch.metrics.resize import RESIZES
from gansearch.metrics.weights import PublishedWeights

DIM = 2048

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
"""Blocks of pytorch-fid that replace torchvision's, which differ from the published network."""


class Inception(nn.Module):
    """Maps images to the 2,048 features of the last pooling.

    Images are rounded to 8 bits, as in a file. Gray images become RGB. All are resized to 299
    pixels.

    Args:
        resize: name of the tool whose resizing is followed, a key of
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
    path: Path | None = None,
    resize: str = "pytorch-fid",
    *,
    published: PublishedWeights | None = None,
) -> tuple[Inception, nn.Linear]:
    """Load the Inception network with its published weights.

    Args:
        path: file of the weights; by default torch's hub cache, then a download.
        resize: as for :class:`Inception`.
        published: expected weights, by default :data:`~gansearch.metrics.weights.INCEPTION`. A
            distance with other weights is not FID and must not be called so.

    Returns:
        The network from images to features, and the layer from features to the logits of 1,008
        classes. The layer has no bias, as in the Inception score.

    Raises:
        WeightsError: the weights are not available, or the file has another checksum. The file is
            then not loaded.
    """
    published = published or weights.INCEPTION
    state = published.load(path)
    with torch.random.fork_rng(devices=[]):  # torch fills new layers from its global generator
        inception = Inception(resize)
    try:
        inception.network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path or published.file}: not the weights of FID's Inception network: {error}"
        ) from error
    logits = inception.network.fc
    logits.bias = None
    inception.network.fc = nn.Identity()
    return inception.eval(), logits
