"""Contrastive losses over a batch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def conditional_contrastive(
    embeddings: Tensor, proxies: Tensor, labels: Tensor, temperature: float
) -> Tensor:
    """The conditional contrastive (2C) loss of ContraGAN (Kang and Park 2020, eq. 8).

    Let s be the cosine similarity divided by the temperature. The loss of image i is -log of a
    ratio. The numerator sums exp s over the image's class proxy and the other images of its class,
    the denominator over the proxy and all other images.

    Args:
        embeddings: image embeddings ``[N, E]``.
        proxies: embeddings of the images' classes ``[N, E]``.
        labels: ``[N]``, int64.
        temperature: above 0.

    Returns:
        The mean over the images, a scalar of at least 0.
    """
    embeddings, proxies = F.normalize(embeddings, dim=1), F.normalize(proxies, dim=1)
    to_proxy = (embeddings * proxies).sum(1, keepdim=True)  # [N, 1]
    similarity = torch.cat([to_proxy, embeddings @ embeddings.T], dim=1) / temperature
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    alike = labels[:, None] == labels
    proxy = torch.ones_like(itself[:, :1])
    every = similarity.masked_fill(~torch.cat([proxy, ~itself], dim=1), -torch.inf)
    own = every.masked_fill(~torch.cat([proxy, alike], dim=1), -torch.inf)
    return (every.logsumexp(1) - own.logsumexp(1)).mean()
