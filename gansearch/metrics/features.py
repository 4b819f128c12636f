"""Features: frozen networks that map images to vectors, whose distributions are compared."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gansearch.config import EvaluationConfig
from gansearch.data.batch import ImageSpec
from gansearch.errors import ConfigError
from gansearch.hardware.precision import tf32
from gansearch.metrics import weights

RANDOM_DIM = 128
_RANDOM_SEED = 0


@dataclass(frozen=True, eq=False)
class Features:
    """A frozen network from images to vectors, with the attributes that make vectors comparable.

    It computes in float32 on every device, never in TF32.

    Attributes:
        name: ``inception``, ``digits`` or ``random``.
        dim: length of a vector.
        checksum: SHA-256 of the weights, in hexadecimal.
        resize: description of the resizing before the network, for the protocol.
        network: ``[N, C, H, W]`` in [-1, 1] → ``[N, dim]``.
        head: ``[N, dim]`` → class logits ``[N, classes]``; the identity if the network has no head.
    """

    name: str
    dim: int
    checksum: str
    resize: str
    network: nn.Module
    head: nn.Module = field(default_factory=nn.Identity)

    @torch.no_grad()
    @tf32(allowed=False)
    def __call__(self, images: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` in [-1, 1] → vectors ``[N, dim]``, on the images' device."""
        vectors: Tensor = self.network(images)
        return vectors

    @torch.no_grad()
    @tf32(allowed=False)
    def logits(self, vectors: Tensor) -> Tensor:
        """Vectors ``[N, dim]`` → class logits ``[N, classes]``."""
        logits: Tensor = self.head(vectors)
        return logits

    def to(self, device: torch.device) -> Self:
        """Return these features on ``device``, with networks frozen and in evaluation mode."""
        network, head = (
            module.to(device).eval().requires_grad_(False) for module in (self.network, self.head)
        )
        return replace(self, network=network, head=head)


def checksum(module: nn.Module) -> str:
    """SHA-256 of a module's parameters and buffers, including names, shapes and types."""
    hashed = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        hashed.update(f"{name} {tuple(tensor.shape)} {tensor.dtype};".encode())
        hashed.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return hashed.hexdigest()


# --- The kinds of features ---------------------------------------------------------------------


def inception_features(path: Path | None, resize: str) -> Features:
    """The Inception features of FID.

    Args:
        path: file of the weights; by default torch's hub cache, then a download.
        resize: name of the tool whose resizing is followed.

    Raises:
        WeightsError: the weights are not available, or are not the published ones.
    """
    from gansearch.metrics import inception  # imports torchvision
    from gansearch.metrics.resize import RESIZES

    network, head = inception.load_inception(path, resize)
    return Features(
        name="inception",
        dim=inception.DIM,
        checksum=weights.INCEPTION.sha256,
        resize=RESIZES[resize].description,
        network=network,
        head=head,
    )


def digits_features(spec: ImageSpec) -> Features:
    """Features of a classifier of handwritten digits, trained once on this machine and cached.

    Raises:
        ConfigError: the images have three channels.
    """
    from gansearch.metrics import digits

    if spec.channels != 1:
        raise ConfigError(
            "the digits classifier needs gray images, these have 3 channels; "
            "fid and fd_random take any"
        )
    classifier = digits.digits_classifier(spec.resolution)
    return Features(
        name="digits",
        dim=digits.DIM,
        checksum=checksum(classifier),
        resize="none",
        network=classifier.features,
        head=classifier.classes,
    )


def random_features(spec: ImageSpec) -> Features:
    """Features of a fixed network with random weights, for data without a trained network."""
    network = RandomNetwork(spec)
    return Features(
        name="random",
        dim=RANDOM_DIM,
        checksum=checksum(network),
        resize="none",
        network=network,
    )


FEATURES: dict[str, Callable[[EvaluationConfig, ImageSpec], Features]] = {
    "inception": lambda config, _: inception_features(config.inception_weights, config.resize),
    "digits": lambda _, spec: digits_features(spec),
    "random": lambda _, spec: random_features(spec),
}
"""Functions that build the features, by name."""


class RandomNetwork(nn.Module):
    """Strided 3x3 convolutions down to 4x4 pixels, then a linear projection.

    Every weight of a layer is plus or minus the same number. Random signs of a seeded generator are
    equal on every machine and in every version of torch; normal deviates are not. So distances can
    be compared between machines.
    """

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(_RANDOM_SEED)
        halvings = int(math.log2(spec.resolution // 4))
        widths = [spec.channels, 32, *(min(128, 64 << i) for i in range(halvings))]
        self.stages = nn.ParameterList(
            _random_signs((out, width, 3, 3), generator, gain=2)  # a ReLU halves the variance (He)
            for width, out in pairwise(widths)
        )
        self.projection = nn.Parameter(
            _random_signs((RANDOM_DIM, widths[-1] * 16), generator, gain=1)
        )

    def forward(self, images: Tensor) -> Tensor:
        """``[N, C, H, W]`` → ``[N, 128]``."""
        x = images
        for index, weight in enumerate(self.stages):
            x = F.conv2d(x, weight, stride=1 if index == 0 else 2, padding=1).relu()
        return F.linear(x.flatten(1), self.projection)


def _random_signs(shape: tuple[int, ...], generator: torch.Generator, gain: float) -> Tensor:
    signs = torch.randint(2, shape, generator=generator) * 2 - 1
    return signs * math.sqrt(gain / math.prod(shape[1:]))
