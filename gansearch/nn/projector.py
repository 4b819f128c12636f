"""Projected GAN's feature network: a frozen classifier with frozen random mixing layers."""

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

    Each stage of a classifier passes through a random 1x1 convolution (cross-channel mixing, CCM).
    The maps are then summed from the coarsest to the finest; each sum is mixed and upsampled again
    (cross-scale mixing, CSM).

    Nothing is trained: all tensors are buffers, and the module stays in evaluation mode. The state
    dict holds a checksum instead of the classifier's weights; a state with another checksum is
    refused.

    Args:
        channels: width of the finest map, 64 in the reference.
        scales: number of maps, 4 in the reference; later stages are not computed.
        resolution: smaller images are enlarged to this many pixels, a multiple of 32; 224 in the
            reference.
        weights: the classifier's weights, as for :func:`gansearch.nn.backbone.load_backbone`.

    Attributes:
        widths: channels of the maps, from the finest to the coarsest.
        source: origin of the classifier's weights: ``random``, or a name and checksum.
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
        """Side of each map in pixels, for images of ``resolution`` pixels."""
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
            # A 1x1 convolution commutes with the upsampling and costs a quarter before it.
            fused = csm(stage + maps[-1] if maps else stage)
            maps.append(F.interpolate(fused, scale_factor=2, mode="bilinear", align_corners=True))
        return maps[::-1]

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002 - nn.Module's signature
        """Stay in evaluation mode, so that batch norms keep the pretrained statistics."""
        return super().train(False)

    def get_extra_state(self) -> Tensor:
        """The classifier's checksum, ``[16]``, uint8."""
        return torch.tensor(list(self._checksum), dtype=torch.uint8, device="cpu")

    def set_extra_state(self, state: Any) -> None:
        """Check that a state dict belongs to the same classifier.

        Raises:
            CheckpointError: the checksums differ.
        """
        if bytes(state.tolist()) != self._checksum:
            raise CheckpointError(
                f"the checkpoint was trained with other projector weights than those found here "
                f"({self.source}); restore the original weights or name their file in "
                "projector_weights"
            )


def freeze_(network: nn.Module, *, persistent: bool) -> None:
    """Turn every parameter into a buffer, so that no optimiser trains it.

    Args:
        network: changed in place.
        persistent: whether the state dict holds its tensors.
    """
    for layer in network.modules():
        own = chain(layer.named_parameters(recurse=False), layer.named_buffers(recurse=False))
        for name, tensor in list(own):
            delattr(layer, name)
            layer.register_buffer(name, tensor.detach(), persistent=persistent)
