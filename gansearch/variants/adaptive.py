"""An adaptive number of discriminator steps in a round."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MAX_STEPS = 5
"""Largest number of steps in a round, the largest k of the papers."""
PERIOD_IMAGES = 1000
"""Real images between two adjustments."""


class AdaptiveSteps(nn.Module):
    """Goodfellow's k, raised while the discriminator's edge is below a target, else lowered.

    The edge is the share of (real, fake) pairs in which the real image has the higher logit: 0.5
    for a blind discriminator, 1 for a perfect one. Unlike ADA's r_t, which counts signs of logits
    (Karras et al. 2020, eq. 1), it needs no threshold and means the same under every loss.

    Every :data:`PERIOD_IMAGES` real images k changes by 1, within [1, :data:`MAX_STEPS`]. All state
    is in buffers and independent of how often :meth:`next_steps` is called, so a resumed run
    continues exactly.

    Args:
        target: target of the edge, in (0.5, 1).
    """

    steps: Tensor
    images: Tensor
    pairs: Tensor
    won: Tensor

    def __init__(self, target: float) -> None:
        super().__init__()
        self.target = target
        self.register_buffer("steps", torch.tensor(1))
        self.register_buffer("images", torch.tensor(0))  # real images since the start
        self.register_buffer("pairs", torch.tensor(0))  # pairs since the last adjustment
        self.register_buffer("won", torch.tensor(0))

    @torch.no_grad()
    def accumulate(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Accumulate the pairs of a batch; the host does not wait for the device.

        Args:
            real: logits of real images, ``[N]`` or several for each image.
            fake: logits of as many generated images.

        Returns:
            The batch's ``edge``, a scalar in [0, 1], and the present ``d_steps``.
        """
        count = len(real)
        won = (real.reshape(count, -1).mean(1) > fake.reshape(count, -1).mean(1)).sum()
        self.images += count
        self.pairs += count
        self.won += won
        return {"edge": won / count, "d_steps": self.steps.float()}

    def next_steps(self) -> int:
        """Return the steps of the next round; synchronises with the device."""
        steps, images, pairs, won = torch.stack(
            [self.steps, self.images, self.pairs, self.won]
        ).tolist()
        if images // PERIOD_IMAGES > (images - pairs) // PERIOD_IMAGES:
            change = 1 if won < self.target * pairs else -1
            steps = min(max(steps + change, 1), MAX_STEPS)
            self.steps.fill_(steps)
            self.pairs.zero_()
            self.won.zero_()
        return int(steps)
