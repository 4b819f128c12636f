"""What the variants with one generator and one discriminator share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from gansearch.data.batch import Batch, ImageSpec
from gansearch.losses.adversarial import ADVERSARIAL, AdversarialLoss
from gansearch.losses.penalties import gradient_penalty, r1
from gansearch.nn.optim import OptimiserFactory
from gansearch.variants.base import Losses, Penalty, Player, Variant
from gansearch.variants.settings import Adversarial

A = TypeVar("A", bound=Adversarial)


class AdversarialVariant(Variant[A]):
    """A generator of latent vectors against a discriminator.

    A subclass gives the two networks, the prior of the latents and an optimiser. Where it
    conditions, augments or projects, it replaces :meth:`generate` or :meth:`discriminate`; where it
    minimises something else, :attr:`adversarial`, or :meth:`losses` whole.

    Args:
        settings: validated.
        spec: of the images.
        generator: ``[N, z_dim]`` → ``[N, C, H, W]`` in [-1, 1]; the player ``g``.
        discriminator: ``[N, C, H, W]`` → logits ``[N]``; the player ``d``.
    """

    def __init__(
        self, settings: A, spec: ImageSpec, generator: nn.Module, discriminator: nn.Module
    ) -> None:
        super().__init__(settings, spec)
        self.generator = generator
        self.discriminator = discriminator

    @abstractmethod
    def optimiser(self, lr: float) -> OptimiserFactory:
        """The optimiser of either player at its own learning rate."""

    @abstractmethod
    def latents(
        self, count: int, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        """``[count, z_dim]`` from the prior; from torch's global generator where none is given."""

    @property
    def adversarial(self) -> AdversarialLoss:
        """The pair of losses."""
        return ADVERSARIAL[self.settings.loss]

    def generate(self, z: Tensor, batch: Batch) -> Tensor:  # noqa: ARG002 - for those that condition
        """Images for latents ``[N, z_dim]`` under the batch's conditions."""
        images: Tensor = self.generator(z)
        return images

    def discriminate(self, images: Tensor, batch: Batch) -> Tensor:  # noqa: ARG002 - likewise
        """Logits ``[N]`` of images, real or fake, under the batch's conditions."""
        logits: Tensor = self.discriminator(images)
        return logits

    @property
    def players(self) -> dict[str, Player]:
        """The discriminator and the generator, each at its own learning rate."""
        g_lr = self.settings.g_lr
        d_lr = g_lr * self.settings.d_lr_ratio
        return {
            "d": Player("d", (self.discriminator,), self.optimiser(d_lr)),
            "g": Player("g", (self.generator,), self.optimiser(g_lr)),
        }

    def phases(self) -> Sequence[tuple[str, int]]:
        """``d_steps`` of the discriminator, then ``g_steps`` of the generator."""
        return (("d", self.settings.d_steps), ("g", self.settings.g_steps))

    def losses(self, player: str, batch: Batch) -> Losses:
        """The player's side of :attr:`adversarial`, with the discriminator's mean logits."""
        return {"d": self._discriminator_losses, "g": self._generator_losses}[player](batch)

    def _discriminator_losses(self, batch: Batch) -> Losses:
        with torch.no_grad():
            fakes = self._fakes(batch)
        # Each side goes through by itself: batch norms do not mix real statistics with fakes'.
        real = self.discriminate(batch.images, batch)
        fake = self.discriminate(fakes, batch)
        return {
            "total": self.adversarial.d(real, fake),
            "real_logit": real.mean(),
            "fake_logit": fake.mean(),
        }

    def _generator_losses(self, batch: Batch) -> Losses:
        fake = self.discriminate(self._fakes(batch), batch)
        total = self.adversarial.generator(fake, lambda: self.discriminate(batch.images, batch))
        return {"total": total}

    def _fakes(self, batch: Batch) -> Tensor:
        return self.generate(self.latents(len(batch), batch.images.device), batch)

    def penalties(self, player: str) -> Sequence[Penalty]:
        """WGAN-GP's and R1 of the discriminator, where the settings give them a weight."""
        if player != "d":
            return ()
        settings = self.settings
        rows = (
            (settings.gp_lambda, Penalty("gp", 1, self._gradient_penalty)),
            (settings.r1_gamma, Penalty("r1", settings.r1_interval, self._r1)),
        )
        return tuple(penalty for weight, penalty in rows if weight > 0)

    def after_step(self, player: str) -> None:
        """Clip the discriminator's weights (Arjovsky et al. 2017, algorithm 1), where asked."""
        if player == "d" and self.settings.clip > 0:
            for weight in self.discriminator.parameters():
                weight.clamp_(-self.settings.clip, self.settings.clip)

    def _gradient_penalty(self, batch: Batch) -> Tensor:
        with torch.no_grad():
            fakes = self._fakes(batch)

        def discriminate(images: Tensor) -> Tensor:
            return self.discriminate(images, batch)

        return gradient_penalty(discriminate, batch.images, fakes, self.settings.gp_lambda)

    def _r1(self, batch: Batch) -> Tensor:
        def discriminate(images: Tensor) -> Tensor:
            return self.discriminate(images, batch)

        return r1(discriminate, batch.images, self.settings.r1_gamma)

    @torch.no_grad()
    def sample(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Images from latents drawn on the CPU."""
        z = self.latents(len(batch), torch.device("cpu"), generator)
        return self.generate(z.to(batch.images.device), batch)
