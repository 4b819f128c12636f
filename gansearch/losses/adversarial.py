"""Adversarial pairs: what the discriminator and the generator minimise, from logits.

A discriminator ends in a logit, without a sigmoid. The losses that a probability D = sigmoid(x)
enters through a logarithm are written with softplus, which neither overflows nor loses the tail:
-log D = softplus(-x) and -log(1 - D) = softplus(x).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class AdversarialLoss:
    """One row: a pair of losses.

    Attributes:
        name: as in a setting.
        source: the paper that defines it, with the equation.
        d: what the discriminator minimises: logits of real and of fake images, of any shape, to a
            scalar.
        g: what the generator minimises: logits of fake images to a scalar. ``None`` for a
            relativistic pair, whose generator minimises ``d`` with the sides changed.
    """

    name: str
    source: str
    d: Callable[[Tensor, Tensor], Tensor]
    g: Callable[[Tensor], Tensor] | None

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """What the generator minimises.

        Args:
            fake: logits.
            real: computes the logits of real images; called where they are needed.
        """
        return self.d(fake, real()) if self.g is None else self.g(fake)


# --- Discriminators: (real, fake) → scalar -------------------------------------------------------


def _cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def _least_squares(real: Tensor, fake: Tensor) -> Tensor:
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def _hinge(real: Tensor, fake: Tensor) -> Tensor:
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def _critic(real: Tensor, fake: Tensor) -> Tensor:
    return fake.mean() - real.mean()


def _relativistic(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(fake - real).mean()


def _relativistic_average(real: Tensor, fake: Tensor) -> Tensor:
    return _cross_entropy(real - fake.mean(), fake - real.mean())


# --- Generators: fake → scalar -------------------------------------------------------------------


def _saturating(fake: Tensor) -> Tensor:
    return -F.softplus(fake).mean()


def _non_saturating(fake: Tensor) -> Tensor:
    return F.softplus(-fake).mean()


def _to_one(fake: Tensor) -> Tensor:
    return (fake - 1).square().mean() / 2


def _raise(fake: Tensor) -> Tensor:
    return -fake.mean()


ADVERSARIAL: dict[str, AdversarialLoss] = {
    row.name: row
    for row in (
        AdversarialLoss(
            "minimax", "Goodfellow et al. 2014, eq. 1", d=_cross_entropy, g=_saturating
        ),
        AdversarialLoss(
            "non_saturating",
            "Goodfellow et al. 2014, section 3",
            d=_cross_entropy,
            g=_non_saturating,
        ),
        AdversarialLoss(
            "least_squares",
            "Mao et al. 2017, eq. 9 (a = 0, b = c = 1)",
            d=_least_squares,
            g=_to_one,
        ),
        AdversarialLoss(
            "hinge", "Lim & Ye 2017; Miyato et al. 2018, eq. 16 and 17", d=_hinge, g=_raise
        ),
        AdversarialLoss(
            "wasserstein", "Arjovsky et al. 2017, eq. 2 and algorithm 1", d=_critic, g=_raise
        ),
        AdversarialLoss("relativistic", "Jolicoeur-Martineau 2018, RSGAN", d=_relativistic, g=None),
        AdversarialLoss(
            "relativistic_average",
            "Jolicoeur-Martineau 2018, RaSGAN",
            d=_relativistic_average,
            g=None,
        ),
    )
}
"""Every pair by its name."""
