"""Self-attention over the positions of a feature map."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gansearch.nn.conv import ConvFactory


class SelfAttention(nn.Module):
    """Self-attention in BigGAN's form (Zhang et al. 2019, section 3; Brock et al. 2019, code).

    Queries and keys have an eighth of the channels, values a half. Keys and values are max-pooled
    to a quarter of the positions. The result is added through a learnt gate that starts at 0.

    Args:
        conv: builds the 1x1 convolutions.
        channels: channels of the map, at least 2.
        resolution: resolution of the map in pixels, even.
        spectral_norm: whether the weights are spectrally normalised.
    """

    def __init__(
        self, conv: ConvFactory, channels: int, *, resolution: int, spectral_norm: bool
    ) -> None:
        super().__init__()
        narrow = max(1, channels // 8)

        def pointwise(cin: int, cout: int) -> nn.Module:
            return conv(
                cin, cout, 1, resolution=resolution, bias=False, spectral_norm=spectral_norm
            )

        self.query = pointwise(channels, narrow)
        self.key = pointwise(channels, narrow)
        self.value = pointwise(channels, channels // 2)
        self.out = pointwise(channels // 2, channels)
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` → ``[N, C, H, W]``."""
        query = self.query(x).flatten(2)  # [N, C / 8, HW]
        key = F.max_pool2d(self.key(x), 2).flatten(2)  # [N, C / 8, HW / 4]
        value = F.max_pool2d(self.value(x), 2).flatten(2)  # [N, C / 2, HW / 4]
        # Not fused: fused attention lacks the second derivative that gradient penalties need.
        weights = torch.softmax(query.transpose(1, 2) @ key, dim=-1)  # [N, HW, HW / 4]
        gathered = (value @ weights.transpose(1, 2)).view(-1, value.shape[1], *x.shape[2:])
        attended: Tensor = x + self.gate * self.out(gathered)
        return attended
