"""A number of discriminator steps that follows the game."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MOST = 5
"""Steps in one round at most: what the papers that take several take."""
PERIOD = 1000
"""Real images between two changes."""


class AdaptiveSteps(nn.Module):
    """Goodfellow's k, raised while the discriminator's edge is below a target and lowered above it.

    The edge is the share of pairs of a real and a fake image in which the real one has the higher
    logit: 0.5 where the discriminator is blind, 1 where it is never wrong. ADA's r_t (Karras et al.
    2020, eq. 1) counts the signs of logits; counting pairs needs no threshold between real and
    fake, so that it means the same under every loss.

    Whenever another 1,000 real images have been shown, k goes up or down by 1, within 1 to 5. All
    state is in buffers, and what happens does not depend on how often :meth:`follow` is called, so
    that a training stopped and resumed anywhere goes on as it would have.

    Args:
        target: the edge aimed at, in (0.5, 1).
    """

    steps: Tensor
    images: Tensor
    pairs: Tensor
    won: Tensor

    def __init__(self, target: float) -> None:
        super().__init__()
        self.target = target
        self.register_buffer("steps", torch.tensor(1))
        self.register_buffer("images", torch.tensor(0))  # real ones, since the start
        self.register_buffer("pairs", torch.tensor(0))  # since the last change
        self.register_buffer("won", torch.tensor(0))

    @torch.no_grad()
    def watch(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Count a batch's pairs; the host does not wait for them.

        Args:
            real: logits of real images, ``[N]`` or several for each image.
            fake: those of as many fakes.

        Returns:
            The batch's ``edge``, a scalar in [0, 1], and ``d_steps`` as it is.
        """
        count = len(real)
        won = (real.reshape(count, -1).mean(1) > fake.reshape(count, -1).mean(1)).sum()
        self.images += count
        self.pairs += count
        self.won += won
        return {"edge": won / count, "d_steps": self.steps.float()}

    def follow(self) -> int:
        """The steps of the next round; reads the device."""
        steps, images, pairs, won = torch.stack(
            [self.steps, self.images, self.pairs, self.won]
        ).tolist()
        if images // PERIOD > (images - pairs) // PERIOD:
            change = 1 if won < self.target * pairs else -1
            steps = min(max(steps + change, 1), MOST)
            self.steps.fill_(steps)
            self.pairs.zero_()
            self.won.zero_()
        return int(steps)
