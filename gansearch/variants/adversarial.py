"""What the variants with one generator and one discriminator share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gansearch.data.batch import Batch, ImageSpec
from gansearch.data.images import ImageSet
from gansearch.losses.adversarial import ADVERSARIAL, AdversarialLoss
from gansearch.losses.penalties import gradient_penalty, r1
from gansearch.nn.ada import AdaptiveProbability
from gansearch.nn.augment import AUGMENTATIONS, Augmentations, augment
from gansearch.nn.norm import unmix_
from gansearch.nn.optim import OptimiserFactory
from gansearch.variants.adaptive import AdaptiveSteps
from gansearch.variants.base import Losses, Penalty, Player, Variant
from gansearch.variants.settings import Adversarial, Game

G = TypeVar("G", bound=Game)
A = TypeVar("A", bound=Adversarial)


@dataclass(frozen=True)
class Judgement:
    """What a discriminator says of a batch of images.

    Attributes:
        logits: of being real, ``[N]`` or several for each image.
        heads: what its further heads put out, such as class logits or an embedding.
    """

    logits: Tensor
    heads: tuple[Tensor, ...] = ()


class GameVariant(Variant[G]):
    """A generator of latent vectors against a discriminator.

    A subclass gives the two networks, the prior of the latents, an optimiser and the pair of
    losses. Where it conditions or projects, it replaces :meth:`generate` or :meth:`discriminate`;
    where its discriminator has further heads, :meth:`judge` and :meth:`auxiliary`; where a pair of
    losses does not say what it minimises, :meth:`losses` whole.

    Where the discriminator's gradient at single images is penalised, by either penalty, its batch
    norms become layer norms: under batch norm one image's logit depends on the others, and there is
    no such gradient (Gulrajani et al. 2017, section 4).

    Args:
        settings: validated.
        spec: of the images.
        generator: ``[N, z_dim]`` → ``[N, C, H, W]`` in [-1, 1]; the player ``g``.
        discriminator: ``[N, C, H, W]`` → logits ``[N]``; the player ``d``.

    Attributes:
        augmentations: what the names of ``settings.augment`` stand for.
    """

    augmentations: ClassVar[Augmentations] = AUGMENTATIONS

    def __init__(
        self, settings: G, spec: ImageSpec, generator: nn.Module, discriminator: nn.Module
    ) -> None:
        super().__init__(settings, spec)
        self.generator = generator
        self.discriminator = discriminator
        if self.settings.gp_lambda > 0 or self.settings.r1_gamma > 0:
            unmix_(discriminator)
        follows = settings.d_steps == "adaptive"
        self.adaptive = AdaptiveSteps(settings.d_target) if follows else None
        target = settings.ada_target
        self.ada = AdaptiveProbability(target, settings.ada_kimg) if target > 0 else None

    @abstractmethod
    def optimiser(self, lr: float) -> OptimiserFactory:
        """The optimiser of either player at its own learning rate."""

    @abstractmethod
    def latents(
        self, count: int, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        """``[count, z_dim]`` from the prior; from torch's global generator where none is given."""

    @property
    @abstractmethod
    def adversarial(self) -> AdversarialLoss:
        """The pair of losses."""

    def generate(self, z: Tensor, batch: Batch) -> Tensor:  # noqa: ARG002 - for those that condition
        """Images for latents ``[N, z_dim]`` under the batch's conditions."""
        images: Tensor = self.generator(z)
        return images

    def discriminate(self, images: Tensor, batch: Batch) -> Tensor:  # noqa: ARG002 - likewise
        """Logits ``[N]`` of images, real or fake, under the batch's conditions."""
        logits: Tensor = self.discriminator(images)
        return logits

    def judge(self, images: Tensor, batch: Batch) -> Judgement:
        """What every head of the discriminator says; the logits are :meth:`discriminate`'s."""
        return Judgement(self.discriminate(images, batch))

    def auxiliary(
        self,
        player: str,  # noqa: ARG002 - for those that have heads
        side: Literal["real", "fake"],  # noqa: ARG002 - likewise
        judgement: Judgement,  # noqa: ARG002 - likewise
        batch: Batch,  # noqa: ARG002 - likewise
    ) -> Losses:
        """What ``player`` minimises beside the adversarial loss, by name and weighted.

        Args:
            player: ``d`` is asked for both sides, ``g`` for the fakes.
            side: where the judged images come from.
            judgement: of them.
            batch: whose conditions they were made or labelled with.
        """
        return {}

    def augment(self, images: Tensor) -> Tensor:
        """What the discriminator sees of images, real or fake, in training: augmented ones."""
        probability = self.ada.value if self.ada else None
        return augment(images, self.settings.augment, probability, self.augmentations)

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
        d_steps = self.adaptive.follow() if self.adaptive else int(self.settings.d_steps)
        return (("d", d_steps), ("g", self.settings.g_steps))

    def losses(self, player: str, batch: Batch) -> Losses:
        """The player's sides of :attr:`adversarial` and :meth:`auxiliary`, and D's mean logits."""
        compute = {"d": self._discriminator_losses, "g": self._generator_losses}[player]
        # A spectral norm moves on once an update (Miyato et al. 2018, algorithm 1), not at a pass.
        with parametrize.cached():
            return compute(batch)

    def _discriminator_losses(self, batch: Batch) -> Losses:
        with torch.no_grad():
            fakes = self._fakes(batch)
        # Each side goes through by itself: batch norms do not mix real statistics with fakes'.
        real = self._judge(batch.images, batch)
        fake = self._judge(fakes, batch)
        parts = {
            **self.auxiliary("d", "real", real, batch),
            **self.auxiliary("d", "fake", fake, batch),
        }
        watched = {
            **(self.adaptive.watch(real.logits, fake.logits) if self.adaptive else {}),
            **(self.ada.watch(real.logits) if self.ada else {}),
        }
        return {
            "total": sum(parts.values(), self.adversarial.d(real.logits, fake.logits)),
            "real_logit": real.logits.mean(),
            "fake_logit": fake.logits.mean(),
            **watched,
            **parts,
        }

    def _generator_losses(self, batch: Batch) -> Losses:
        fake = self._judge(self._fakes(batch), batch)
        total = self.adversarial.generator(
            fake.logits, lambda: self._judge(batch.images, batch).logits
        )
        parts = self.auxiliary("g", "fake", fake, batch)
        return {"total": sum(parts.values(), total), **parts}

    def _judge(self, images: Tensor, batch: Batch) -> Judgement:
        return self.judge(self.augment(images), batch)

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

        def judge(images: Tensor) -> Tensor:
            return self._judge(images, batch).logits

        return gradient_penalty(judge, batch.images, fakes, self.settings.gp_lambda)

    def _r1(self, batch: Batch) -> Tensor:
        def judge(images: Tensor) -> Tensor:
            return self._judge(images, batch).logits

        return r1(judge, batch.images, self.settings.r1_gamma)

    def evaluate(self, heldout: ImageSet | None) -> dict[str, float]:  # noqa: ARG002 - contract's
        """``d_steps`` as they are, where they follow the game."""
        return {"d_steps": self.adaptive.steps.item()} if self.adaptive else {}

    @torch.no_grad()
    def sample(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Images from latents drawn on the CPU."""
        z = self.latents(len(batch), torch.device("cpu"), generator)
        return self.generate(z.to(batch.images.device), batch)


class AdversarialVariant(GameVariant[A]):
    """A game under one of the pairs of ``losses/adversarial.py``."""

    @property
    def adversarial(self) -> AdversarialLoss:
        """The pair that the settings name."""
        return ADVERSARIAL[self.settings.loss]
