"""ADA: a probability of augmentation that follows how far the discriminator overfits."""

from __future__ import annotations

import torch
from torch import Tensor, nn

INTERVAL = 4
"""Batches of real images between two changes (Karras et al. 2020b, section 3)."""


class AdaptiveProbability(nn.Module):
    """The probability p of augmentation, raised while the discriminator overfits, else lowered.

    How far it overfits is r_t, the mean sign of its logits on real images (Karras et al. 2020b,
    Training Generative Adversarial Networks with Limited Data, eq. 1): 0 where it does not, 1 where
    it knows them all. That asks for logits that are above 0 where the discriminator takes an image
    for real, as they are under all losses but Wasserstein's, the relativistic ones and least
    squares.

    Every 4 batches p goes a step towards more where r_t is above the target, and towards less below
    it, within 0 and 1, from 0. All state is on the device and in buffers: the host never waits for
    it, and a resumed training goes on as it would have.

    Args:
        target: of r_t, in (0, 1); the paper's is 0.6.
        kimg: real images, in thousands, in which p could go from 0 to 1; the paper's are 500.
    """

    value: Tensor
    batches: Tensor
    signs: Tensor

    def __init__(self, target: float, kimg: float) -> None:
        super().__init__()
        self.target = target
        self.kimg = kimg
        self.register_buffer("value", torch.tensor(0.0))
        self.register_buffer("batches", torch.tensor(0))  # since the last change
        self.register_buffer("signs", torch.tensor(0.0))  # summed over them

    @torch.no_grad()
    def watch(self, real: Tensor) -> dict[str, Tensor]:
        """Count a batch's signs and, when it is time, change p; the host does not wait.

        Args:
            real: logits of real images, ``[N]`` or several for each image.

        Returns:
            The batch's ``real_sign``, a scalar in [-1, 1], and ``augment_p`` as it was applied.
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
