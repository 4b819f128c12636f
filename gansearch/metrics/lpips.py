"""LPIPS, a perceptual distance between two images (Zhang et al. 2018, section 3), on AlexNet."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gansearch.data import Images, ImageSet
from gansearch.hardware.precision import tf32
from gansearch.metrics.metric import FeaturedBatch
from gansearch.metrics.protocol import QualityProtocol
from gansearch.metrics.weights import ALEXNET, LPIPS_HEADS

_STAGES = (2, 5, 8, 10, 12)  # indices of AlexNet's layers just after each ReLU
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)


class Lpips(nn.Module):
    """LPIPS distance between the images of each pair.

    Args:
        alexnet_state: AlexNet's weights as published by torchvision.
        heads: channel weights ``[1, C, 1, 1]`` of each of the five stages.
    """

    def __init__(self, alexnet_state: dict[str, Tensor], heads: dict[str, Tensor]) -> None:
        from torchvision.models import alexnet  # slow to import, so only if LPIPS is used

        super().__init__()
        with torch.random.fork_rng(devices=[]):  # torch fills new layers from its global generator
            network = alexnet(weights=None)
        network.load_state_dict(alexnet_state)
        layers = network.features
        starts = (0, *_STAGES[:-1])
        self.stages = nn.ModuleList(
            layers[start:end] for start, end in zip(starts, _STAGES, strict=True)
        )
        for stage in range(len(_STAGES)):
            self.register_buffer(f"head{stage}", heads[f"lin{stage}.model.1.weight"])
        self.register_buffer("shift", torch.tensor(_SHIFT).view(3, 1, 1))
        self.register_buffer("scale", torch.tensor(_SCALE).view(3, 1, 1))

    def forward(self, images: Tensor, others: Tensor) -> Tensor:
        """Two batches ``[N, 1 or 3, H, W]`` in [-1, 1] → distances ``[N]``, at least 0.

        Gray images become RGB. H and W must be at least 32; smaller images leave AlexNet's last
        layers empty.
        """
        distances = []
        pairs = zip(self._activations(images), self._activations(others), strict=True)
        for stage, (one, other) in enumerate(pairs):
            apart = (one - other).square() * self.get_buffer(f"head{stage}")
            distances.append(apart.sum(1).mean((1, 2)))
        return torch.stack(distances).sum(0)

    def _activations(self, images: Tensor) -> list[Tensor]:
        """Activations of each stage, normalised to length 1 at each pixel."""
        x = (images.expand(-1, 3, -1, -1) - self.get_buffer("shift")) / self.get_buffer("scale")
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(F.normalize(x, eps=1e-10))
        return found


def load_lpips() -> Lpips:
    """Load LPIPS with its published weights, from torch's hub cache or by download.

    Raises:
        WeightsError: the weights are not available, or a file has another checksum. The file is
            then not loaded.
    """
    return Lpips(ALEXNET.load(), LPIPS_HEADS.load()).eval().requires_grad_(False)


class LpipsDiversity:
    """Diversity: the mean LPIPS distance over pairs of samples, paired within each batch.

    Args:
        name: name of the metric.
        images: images of the data set; the training images are evaluated for comparison.
        device: device for the distances.

    Raises:
        WeightsError: the weights are not available.
    """

    def __init__(self, name: str, images: Images, device: torch.device) -> None:
        self.real: ImageSet | None = images.train
        self._name = name
        self._lpips = load_lpips().to(device)

    def accumulator(self) -> LpipsAccumulator:
        """Accumulator of the distances of pairs."""
        return LpipsAccumulator(self._name, self._lpips)

    def protocol(self, samples: int, source: str) -> QualityProtocol:
        """Protocol with the pairing and the weights."""
        return QualityProtocol(
            samples=samples,
            source=source,
            method="LPIPS in pairs",
            features=f"AlexNet, heads {LPIPS_HEADS.sha256[:8]}",
            weights=ALEXNET.sha256,
        )


@dataclass(frozen=True)
class LpipsAccumulator:
    """Accumulator of the distances of one set's pairs."""

    name: str
    lpips: Lpips
    distances: list[Tensor] = field(default_factory=list)  # [N / 2] for each batch

    @torch.no_grad()
    @tf32(allowed=False)
    def update(self, featured: FeaturedBatch) -> None:
        """Add the distances between the first and the second half of the batch."""
        half = len(featured.batch) // 2
        if half:
            images = featured.batch.images
            self.distances.append(self.lpips(images[:half], images[half : 2 * half]))

    def values(self) -> dict[str, float]:
        """Mean distance, by the metric's name."""
        return {self.name: float(torch.cat(self.distances).double().mean())}
