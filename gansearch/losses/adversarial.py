"""Adversarial losses of the discriminator and the generator, as functions of logits.

A discriminator outputs logits, without a sigmoid. Losses in log D with D = sigmoid(x) use softplus,
which is numerically stable: -log D = softplus(-x) and -log(1 - D) = softplus(x).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class AdversarialLoss:
    """A pair of losses for the discriminator and the generator.

    Attributes:
        name: name in a space.
        source: the defining paper and equation.
        d: the discriminator's loss: logits of real and fake images, of any shape, to a scalar.
        g: the generator's loss: logits of fake images to a scalar. ``None`` for a relativistic
            pair, whose generator minimises ``d`` with real and fake swapped.
    """

    name: str
    source: str
    d: Callable[[Tensor, Tensor], Tensor]
    g: Callable[[Tensor], Tensor] | None

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """The generator's loss, a scalar.

        Args:
            fake: logits of fake images.
            real: computes the logits of real images; called only for relativistic losses.
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
"""Adversarial losses by name."""
