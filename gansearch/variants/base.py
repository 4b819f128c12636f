"""The contract between a variant and the trainer, the metrics and the profiler."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gansearch.data.batch import Batch, ImageSpec
from gansearch.data.images import ImageSet
from gansearch.settings import Settings

S = TypeVar("S", bound=Settings)

Losses = dict[str, Tensor]
"""Scalar tensors by name: ``"total"`` is minimised, the other parts are logged."""


@dataclass(frozen=True)
class Player:
    """Modules that are trained together, and their optimiser.

    Attributes:
        name: ``"d"``, ``"g"``, ...
        modules: modules of this player alone; its steps update their parameters.
        optimiser: makes the optimiser of the parameters.
        schedule: called before each step of the player with its optimiser and the progress in kimg;
            ``None`` for constant hyperparameters.
    """

    name: str
    modules: tuple[nn.Module, ...]
    optimiser: Callable[[Iterable[nn.Parameter]], Optimizer]
    schedule: Callable[[Optimizer, float], None] | None = None

    def parameters(self) -> list[nn.Parameter]:
        """The parameters that this player's steps update."""
        return [p for module in self.modules for p in module.parameters()]


@dataclass(frozen=True)
class Penalty:
    """A regularisation term that is computed every ``interval`` steps of its player.

    With an interval of 1 it is added to the step's loss. A lazy penalty (StyleGAN2, appendix B) is
    a step of its own, weighted by the interval; the optimiser's learning rate and betas are
    corrected for it.

    Attributes:
        name: name in the log.
        interval: steps of the player per computation, at least 1.
        compute: maps a batch of real images to the weighted penalty, a scalar.
    """

    name: str
    interval: int
    compute: Callable[[Batch], Tensor]


class Variant(nn.Module, ABC, Generic[S]):
    """Networks, losses and the players that update them.

    A variant is built from its settings and the image shape alone, on torch's default device.
    ``losses`` draws random numbers from torch's global generator only, which the trainer seeds and
    stores in checkpoints.

    The direct child modules are the networks. Each is called as a whole, because precision and
    compilation are applied to its call.

    Attributes:
        settings: validated settings of the catalog's type, with ``auto`` resolved.
        spec: shape and classes of the images.
    """

    def __init__(self, settings: S, spec: ImageSpec) -> None:
        super().__init__()
        self.settings = settings.resolved(spec.resolution)
        self.spec = spec

    def prepare(self, images: ImageSet) -> None:
        """Take data from the training set before the first step; called once.

        A semi-supervised variant chooses its labelled images here. The result must follow from the
        images and the settings, because checkpoints do not hold it.
        """

    @property
    @abstractmethod
    def players(self) -> dict[str, Player]:
        """Players by name. ``"g"`` must be one of them; its modules are averaged (EMA)."""

    @abstractmethod
    def phases(self) -> Sequence[tuple[str, int]]:
        """The steps of one round: players' names with their numbers of steps.

        Each step takes a fresh batch. The trainer asks again about every kimg, between steps, so
        the numbers may adapt. Reading tensors on the host is allowed here; inside a step it would
        make the host wait for the device.
        """

    @abstractmethod
    def losses(self, player: str, batch: Batch) -> Losses:
        """The losses of ``player`` on ``batch``, differentiable in its parameters.

        The trainer has switched off ``requires_grad`` of the other players' networks.
        """

    def penalties(self, player: str) -> Sequence[Penalty]:  # noqa: ARG002 - the contract's argument
        """The penalties of ``player``, none by default."""
        return ()

    def after_step(self, player: str) -> None:
        """Hook after each update of ``player``, without gradients; for example weight clipping."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Substitutes for parts of the paper, e.g. ``{"projector": "random"}``; usually empty.

        They are part of the protocol: trials with different values of a tag are never ranked
        together.
        """
        return {}

    @abstractmethod
    def sample(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Generate one image for each condition in ``batch``, without gradients.

        Args:
            batch: gives the number of images, the device and the labels. A variant that takes only
                noise ignores its images.
            generator: the only source of randomness; on the CPU, so that a seed gives the same
                latents on every device.

        Returns:
            ``[N, C, H, W]``, float32 in [-1, 1], on the batch's device.
        """

    def evaluate(self, heldout: ImageSet | None) -> dict[str, float]:  # noqa: ARG002 - the contract's argument
        """Compute the variant's own metrics, in evaluation mode and without gradients.

        Args:
            heldout: held-out images, if the data has any.

        Returns:
            Finite values by name. Names that the catalog entry lists are metrics and may be
            objectives; others are logged.
        """
        return {}
