"""Regularisers of a discriminator's gradient with respect to its images.

Each sums the logits before it differentiates, which gives every image its own gradient as long as
the discriminator treats images one by one. Batch normalisation would mix them, so that variants
put layer normalisation in its place (:func:`gansearch.nn.norm.unmix_`). StyleGAN2's standard
deviation over a minibatch, one number, stays under R1, as in its paper.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Discriminator = Callable[[Tensor], Tensor]
"""Images ``[N, C, H, W]`` to logits, one or several for each image."""


def gradient_penalty(
    discriminator: Discriminator, real: Tensor, fake: Tensor, weight: float
) -> Tensor:
    """WGAN-GP: weight · E[(‖∇D(x̂)‖₂ - 1)²] (Gulrajani et al. 2017, eq. 3).

    x̂ lies on the line between a real and a fake image, at a uniform place of its own for each pair,
    drawn from torch's global generator.

    Args:
        discriminator: differentiable twice.
        real: ``[N, C, H, W]``.
        fake: the same shape.
        weight: at least 0; 10 in the paper.

    Returns:
        A scalar with gradients to the discriminator's parameters.
    """
    place = torch.rand(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
    gradients = _gradients(discriminator, torch.lerp(real.detach(), fake.detach(), place))
    # This norm has a gradient, 0, where the discriminator is flat.
    norms: Tensor = torch.linalg.vector_norm(gradients, dim=1)
    return weight * (norms - 1).square().mean()


def r1(discriminator: Discriminator, real: Tensor, gamma: float) -> Tensor:
    """R1: gamma/2 · E[‖∇D(x)‖²] over real images (Mescheder et al. 2018, eq. 9).

    Args:
        discriminator: differentiable twice.
        real: ``[N, C, H, W]``.
        gamma: at least 0.

    Returns:
        A scalar with gradients to the discriminator's parameters.
    """
    return gamma / 2 * _gradients(discriminator, real.detach()).square().sum(dim=1).mean()


def _gradients(discriminator: Discriminator, images: Tensor) -> Tensor:
    """``[N, C·H·W]``: each image's gradient, differentiable itself."""
    images = images.requires_grad_()
    (gradients,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return gradients.flatten(1)
