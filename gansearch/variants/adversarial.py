"""Base classes of variants with one generator and one discriminator."""

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
class DiscriminatorOutput:
    """The outputs of a discriminator for a batch of images.

    Attributes:
        logits: logits of being real, ``[N]`` or several for each image.
        heads: outputs of further heads, such as class logits or embeddings.
    """

    logits: Tensor
    heads: tuple[Tensor, ...] = ()


class GameVariant(Variant[G]):
    """A generator that maps latents to images, trained against a discriminator.

    A subclass provides the networks, the prior of the latents, the optimiser and the losses. It
    overrides :meth:`generate` or :meth:`discriminate` to condition or project,
    :meth:`discriminator_output` and :meth:`auxiliary` for further heads, and :meth:`losses` if its
    objective is not an adversarial pair.

    Under a gradient penalty the discriminator's batch norms become layer norms. With batch norm the
    logit of one image depends on the others, so a per-image gradient does not exist (Gulrajani et
    al. 2017, section 4).

    Args:
        settings: validated settings.
        spec: shape and classes of the images.
        generator: ``[N, z_dim]`` → ``[N, C, H, W]`` in [-1, 1]; the player ``g``.
        discriminator: ``[N, C, H, W]`` → logits ``[N]``; the player ``d``.

    Attributes:
        augmentations: augmentations by the names in ``settings.augment``.
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
        is_adaptive = settings.d_steps == "adaptive"
        self.adaptive = AdaptiveSteps(settings.d_target) if is_adaptive else None
        target = settings.ada_target
        self.ada = AdaptiveProbability(target, settings.ada_kimg) if target > 0 else None

    @abstractmethod
    def optimiser(self, lr: float) -> OptimiserFactory:
        """The optimiser of a player with learning rate ``lr``."""

    @abstractmethod
    def latents(
        self, count: int, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        """Latents ``[count, z_dim]`` from the prior, by default with torch's global generator."""

    @property
    @abstractmethod
    def adversarial(self) -> AdversarialLoss:
        """The adversarial losses."""

    def generate(self, z: Tensor, batch: Batch) -> Tensor:  # noqa: ARG002 - for subclasses
        """Generate images from latents ``[N, z_dim]`` under the batch's conditions."""
        images: Tensor = self.generator(z)
        return images

    def discriminate(self, images: Tensor, batch: Batch) -> Tensor:  # noqa: ARG002 - for subclasses
        """Logits ``[N]`` of real or generated images under the batch's conditions."""
        logits: Tensor = self.discriminator(images)
        return logits

    def discriminator_output(self, images: Tensor, batch: Batch) -> DiscriminatorOutput:
        """The outputs of all heads of the discriminator."""
        return DiscriminatorOutput(self.discriminate(images, batch))

    def auxiliary(
        self,
        player: str,  # noqa: ARG002 - for subclasses
        side: Literal["real", "fake"],  # noqa: ARG002 - for subclasses
        output: DiscriminatorOutput,  # noqa: ARG002 - for subclasses
        batch: Batch,  # noqa: ARG002 - for subclasses
    ) -> Losses:
        """Further losses of ``player`` beside the adversarial one, by name and weighted.

        Args:
            player: ``d``, which gets both sides, or ``g``, which gets the fakes.
            side: whether the images are real or generated.
            output: the discriminator's output for the images.
            batch: holds the conditions of the images.
        """
        return {}

    def augment(self, images: Tensor) -> Tensor:
        """Augment real or generated images for the discriminator."""
        probability = self.ada.value if self.ada else None
        return augment(images, self.settings.augment, probability, self.augmentations)

    @property
    def players(self) -> dict[str, Player]:
        """The discriminator and the generator, each with its own learning rate."""
        g_lr = self.settings.g_lr
        d_lr = g_lr * self.settings.d_lr_ratio
        return {
            "d": Player("d", (self.discriminator,), self.optimiser(d_lr)),
            "g": Player("g", (self.generator,), self.optimiser(g_lr)),
        }

    def phases(self) -> Sequence[tuple[str, int]]:
        """``d_steps`` steps of the discriminator, then ``g_steps`` of the generator."""
        d_steps = self.adaptive.next_steps() if self.adaptive else int(self.settings.d_steps)
        return (("d", d_steps), ("g", self.settings.g_steps))

    def losses(self, player: str, batch: Batch) -> Losses:
        """The player's adversarial and auxiliary losses, and for D the mean logits."""
        compute = {"d": self._discriminator_losses, "g": self._generator_losses}[player]
        # One power iteration per update (Miyato et al. 2018, algorithm 1), not per forward pass.
        with parametrize.cached():
            return compute(batch)

    def _discriminator_losses(self, batch: Batch) -> Losses:
        with torch.no_grad():
            fakes = self._fakes(batch)
        # Separate forward passes keep the batch statistics of real and fake images apart.
        real = self._augmented_output(batch.images, batch)
        fake = self._augmented_output(fakes, batch)
        parts = {
            **self.auxiliary("d", "real", real, batch),
            **self.auxiliary("d", "fake", fake, batch),
        }
        watched = {
            **(self.adaptive.accumulate(real.logits, fake.logits) if self.adaptive else {}),
            **(self.ada.accumulate(real.logits) if self.ada else {}),
        }
        return {
            "total": sum(parts.values(), self.adversarial.d(real.logits, fake.logits)),
            "real_logit": real.logits.mean(),
            "fake_logit": fake.logits.mean(),
            **watched,
            **parts,
        }

    def _generator_losses(self, batch: Batch) -> Losses:
        fake = self._augmented_output(self._fakes(batch), batch)
        total = self.adversarial.generator(
            fake.logits, lambda: self._augmented_output(batch.images, batch).logits
        )
        parts = self.auxiliary("g", "fake", fake, batch)
        return {"total": sum(parts.values(), total), **parts}

    def _augmented_output(self, images: Tensor, batch: Batch) -> DiscriminatorOutput:
        return self.discriminator_output(self.augment(images), batch)

    def _fakes(self, batch: Batch) -> Tensor:
        return self.generate(self.latents(len(batch), batch.images.device), batch)

    def penalties(self, player: str) -> Sequence[Penalty]:
        """The discriminator's gradient penalty and R1, if they have a weight."""
        if player != "d":
            return ()
        settings = self.settings
        rows = (
            (settings.gp_lambda, Penalty("gp", 1, self._gradient_penalty)),
            (settings.r1_gamma, Penalty("r1", settings.r1_interval, self._r1)),
        )
        return tuple(penalty for weight, penalty in rows if weight > 0)

    def after_step(self, player: str) -> None:
        """Clip the discriminator's weights to ``clip`` (Arjovsky et al. 2017, algorithm 1)."""
        if player == "d" and self.settings.clip > 0:
            for weight in self.discriminator.parameters():
                weight.clamp_(-self.settings.clip, self.settings.clip)

    def _gradient_penalty(self, batch: Batch) -> Tensor:
        with torch.no_grad():
            fakes = self._fakes(batch)

        def logits(images: Tensor) -> Tensor:
            return self._augmented_output(images, batch).logits

        return gradient_penalty(logits, batch.images, fakes, self.settings.gp_lambda)

    def _r1(self, batch: Batch) -> Tensor:
        def logits(images: Tensor) -> Tensor:
            return self._augmented_output(images, batch).logits

        return r1(logits, batch.images, self.settings.r1_gamma)

    def evaluate(self, heldout: ImageSet | None) -> dict[str, float]:  # noqa: ARG002 - contract's
        """Return the current ``d_steps`` if they are adaptive, else nothing."""
        return {"d_steps": self.adaptive.steps.item()} if self.adaptive else {}

    @torch.no_grad()
    def sample(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Generate images from latents that are drawn on the CPU."""
        z = self.latents(len(batch), torch.device("cpu"), generator)
        return self.generate(z.to(batch.images.device), batch)


class AdversarialVariant(GameVariant[A]):
    """A variant with one of the adversarial losses of ``losses/adversarial.py``."""

    @property
    def adversarial(self) -> AdversarialLoss:
        """The losses that ``settings.loss`` names."""
        return ADVERSARIAL[self.settings.loss]
