"""Penalties on a discriminator's gradient with respect to its input images.

Each penalty differentiates the sum of the logits. That yields per-image gradients only if the
discriminator treats images independently, so variants use layer normalisation instead of batch
normalisation under a penalty (:func:`gansearch.nn.norm.unmix_`). StyleGAN2's minibatch standard
deviation, a single number, stays under R1 as in its paper.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Discriminator = Callable[[Tensor], Tensor]
"""Maps images ``[N, C, H, W]`` to logits, one or several per image."""


def gradient_penalty(
    discriminator: Discriminator, real: Tensor, fake: Tensor, weight: float
) -> Tensor:
    """WGAN-GP: weight · E[(‖∇D(x̂)‖₂ - 1)²] (Gulrajani et al. 2017, eq. 3).

    x̂ is a point between a real and a fake image, drawn uniformly on the line for each pair from
    torch's global generator.

    Args:
        discriminator: twice differentiable.
        real: ``[N, C, H, W]``.
        fake: the same shape.
        weight: weight λ, at least 0; 10 in the paper.

    Returns:
        A scalar that is differentiable in the discriminator's parameters.
    """
    place = torch.rand(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
    gradients = _gradients(discriminator, torch.lerp(real.detach(), fake.detach(), place))
    # The gradient of this norm is 0, not NaN, where the discriminator is flat.
    norms: Tensor = torch.linalg.vector_norm(gradients, dim=1)
    return weight * (norms - 1).square().mean()


def r1(discriminator: Discriminator, real: Tensor, gamma: float) -> Tensor:
    """R1: gamma/2 · E[‖∇D(x)‖²] over real images (Mescheder et al. 2018, eq. 9).

    Args:
        discriminator: twice differentiable.
        real: ``[N, C, H, W]``.
        gamma: weight, at least 0.

    Returns:
        A scalar that is differentiable in the discriminator's parameters.
    """
    return gamma / 2 * _gradients(discriminator, real.detach()).square().sum(dim=1).mean()


def _gradients(discriminator: Discriminator, images: Tensor) -> Tensor:
    """Per-image gradients ``[N, C·H·W]``, differentiable themselves."""
    images = images.requires_grad_()
    (gradients,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return gradients.flatten(1)
