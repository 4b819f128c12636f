"""Projected GAN's feature network: a frozen classifier and frozen random mixing on top of it."""

from __future__ import annotations

from itertools import chain
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gansearch.errors import CheckpointError
from gansearch.nn.backbone import CHANNELS, STRIDES, load_backbone
from gansearch.nn.conv import ConvFactory
from gansearch.settings import Dsc


class Projector(nn.Module):
    """Images to feature maps of several scales (Sauer et al. 2021, section 3).

    The maps of a classifier's stages go through random 1x1 convolutions, each to a width of its own
    (cross-channel mixing, CCM), and are then added up from the coarsest to the finest, each mixed
    and upsampled once more (cross-scale mixing, CSM).

    Nothing of it is trained: all of it is buffers, in evaluation mode for ever. The classifier is
    not in the state's dictionary but for a checksum, by which the state of another is refused.

    Args:
        channels: width of the finest map, 64 in the reference.
        scales: number of maps, 4 in the reference; stages beyond are not computed.
        resolution: smaller images are enlarged to so many pixels, a multiple of 32; 224 there.
        weights: of the classifier, as :func:`gansearch.nn.backbone.load_backbone` takes them.

    Attributes:
        widths: channels of the maps, from the finest to the coarsest.
        source: whose weights the classifier has: ``random``, or its name and their checksum.
    """

    def __init__(self, channels: int, scales: int, resolution: int, weights: str) -> None:
        super().__init__()
        self.resolution = resolution
        backbone = load_backbone(weights, scales)
        self.backbone, self.source = backbone.network, backbone.source
        self._checksum = bytes.fromhex(backbone.checksum)
        mixed = [channels * 2**scale for scale in range(scales)]
        self.widths = [channels, *mixed[:-1]]
        conv = ConvFactory(Dsc(), "discriminator")
        self.across_channels, self.across_scales = (
            nn.ModuleList(
                conv(cin, cout, 1, resolution=resolution)
                for cin, cout in zip(inputs, outputs, strict=True)
            )
            for inputs, outputs in ((CHANNELS[:scales], mixed), (mixed, self.widths))
        )
        freeze_(self.backbone, persistent=False)
        freeze_(self.across_channels, persistent=True)
        freeze_(self.across_scales, persistent=True)
        self.train(False)

    def sides(self, resolution: int) -> list[int]:
        """Pixels along a side of each map, for images of ``resolution``."""
        side = max(resolution, self.resolution)
        return [2 * side // stride for stride in STRIDES[: len(self.widths)]]

    def forward(self, images: Tensor) -> list[Tensor]:
        """``[N, 1 or 3, H, W]`` in [-1, 1] → the maps, the finest first."""
        x = images.expand(-1, 3, -1, -1)
        if x.shape[-1] < self.resolution:
            x = F.interpolate(x, size=[self.resolution] * 2, mode="bilinear", align_corners=False)
        mixed = [
            ccm(stage) for ccm, stage in zip(self.across_channels, self.backbone(x), strict=True)
        ]
        maps: list[Tensor] = []
        for csm, stage in zip(reversed(self.across_scales), reversed(mixed), strict=True):
            # A 1x1 convolution before the upsampling gives what one after it does, at a quarter.
            fused = csm(stage + maps[-1] if maps else stage)
            maps.append(F.interpolate(fused, scale_factor=2, mode="bilinear", align_corners=True))
        return maps[::-1]

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002 - whatever is asked for
        """Evaluation mode: the batch norms keep the statistics that the classifier came with."""
        return super().train(False)

    def get_extra_state(self) -> Tensor:
        """The classifier's checksum, ``[16]``, uint8."""
        return torch.tensor(list(self._checksum), dtype=torch.uint8, device="cpu")

    def set_extra_state(self, state: Any) -> None:
        """See that a state belongs to the same classifier.

        Raises:
            CheckpointError: it does not.
        """
        if bytes(state.tolist()) != self._checksum:
            raise CheckpointError(
                f"trained with a projector of other weights than here ({self.source}); "
                "put those weights where they were, or name their file in projector_weights"
            )


def freeze_(network: nn.Module, *, persistent: bool) -> None:
    """Turn every parameter into a buffer, so that no player owns it and nothing trains it.

    Args:
        network: changed in place.
        persistent: whether its tensors are in the state's dictionary.
    """
    for layer in network.modules():
        own = chain(layer.named_parameters(recurse=False), layer.named_buffers(recurse=False))
        for name, tensor in list(own):
            delattr(layer, name)
            layer.register_buffer(name, tensor.detach(), persistent=persistent)
