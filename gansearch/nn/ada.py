"""Adaptive discriminator augmentation (ADA; Karras et al. 2020b)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

INTERVAL = 4
"""Batches of real images between two adjustments of p (Karras et al. 2020b, section 3)."""


class AdaptiveProbability(nn.Module):
    """The augmentation probability p, raised while the discriminator overfits, else lowered.

    Overfitting is measured by r_t, the mean sign of the logits on real images (Karras et al. 2020b,
    Training Generative Adversarial Networks with Limited Data, eq. 1): 0 without overfitting, 1 at
    complete overfitting. The measure assumes that a positive logit means "real". That holds for all
    losses except Wasserstein, the relativistic ones and least squares.

    Every :data:`INTERVAL` batches p rises by one step if r_t is above the target and falls by one
    step if it is below. It starts at 0 and stays in [0, 1]. All state lives in buffers on the
    device, so the host never waits for it and a resumed run continues exactly.

    Args:
        target: target of r_t, in (0, 1); 0.6 in the paper.
        kimg: thousands of real images in which p can rise from 0 to 1; 500 in the paper.
    """

    value: Tensor
    batches: Tensor
    signs: Tensor

    def __init__(self, target: float, kimg: float) -> None:
        super().__init__()
        self.target = target
        self.kimg = kimg
        self.register_buffer("value", torch.tensor(0.0))
        self.register_buffer("batches", torch.tensor(0))  # since the last adjustment
        self.register_buffer("signs", torch.tensor(0.0))  # sum over these batches

    @torch.no_grad()
    def accumulate(self, real: Tensor) -> dict[str, Tensor]:
        """Accumulate the signs of a batch and adjust p every :data:`INTERVAL` batches.

        Args:
            real: logits of real images, ``[N]`` or several for each image.

        Returns:
            ``real_sign``, the batch's mean sign in [-1, 1], and ``augment_p``, the probability that
            was applied to this batch. Both are scalars on the device.
        """
        applied = self.value.clone()
        sign = real.sign().mean()
        self.batches += 1
        self.signs += sign
        due = self.batches == INTERVAL
        step = (self.signs / INTERVAL - self.target).sign() * INTERVAL * len(real)
        self.value.add_(due * step / (1000 * self.kimg)).clamp_(0, 1)
        self.batches.mul_(~due)
        self.signs.mul_(~due)
        return {"real_sign": sign, "augment_p": applied}
