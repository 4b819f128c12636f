"""The contract of a variant: all that the trainer, the metrics and the profiler know of one."""

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
"""``"total"`` is what is minimised; the other parts are logged. Every value is a scalar tensor."""


@dataclass(frozen=True)
class Player:
    """One side of the game: the modules that it owns and how they are updated.

    Attributes:
        name: ``"d"``, ``"g"``, ...
        modules: owned by this player alone; their parameters are what its steps update.
        optimiser: from parameters to their optimiser.
        schedule: called before each of the player's steps with its optimiser and the progress in
            kimg; ``None`` where nothing changes over training.
    """

    name: str
    modules: tuple[nn.Module, ...]
    optimiser: Callable[[Iterable[nn.Parameter]], Optimizer]
    schedule: Callable[[Optimizer, float], None] | None = None

    def parameters(self) -> list[nn.Parameter]:
        """Every parameter that this player's steps update."""
        return [p for module in self.modules for p in module.parameters()]


@dataclass(frozen=True)
class Penalty:
    """A regulariser that is computed every ``interval`` steps of its player.

    With an interval of 1 it is added to the step's loss. A lazy one (StyleGAN2, appendix B) is a
    step of its own, weighted by the interval, and the optimiser's rate and moments are corrected
    for it.

    Attributes:
        name: under which it is logged.
        interval: steps of the player between two computations, at least 1.
        compute: from a batch of real images to the weighted penalty, a scalar.
    """

    name: str
    interval: int
    compute: Callable[[Batch], Tensor]


class Variant(nn.Module, ABC, Generic[S]):
    """Networks, losses and the players that update them.

    A variant is built from its settings and the data's shape alone, on whatever device is current,
    and draws every random number in ``losses`` from torch's global generator of its device, which
    the trainer seeds and keeps in the checkpoint.

    Its children are the networks, which are called as wholes: the precision that they compute in,
    and their compilation, go with the call.

    Attributes:
        settings: validated, of the catalog's type for this variant, without ``auto``.
        spec: of the images that it is built for.
    """

    def __init__(self, settings: S, spec: ImageSpec) -> None:
        super().__init__()
        self.settings = settings.resolved(spec.resolution)
        self.spec = spec

    def prepare(self, images: ImageSet) -> None:
        """Take what is needed of the training images beside batches; called once, before any step.

        A variant that trains on few labels picks the images that have them, say. What is kept
        follows from the images and the settings, and is no part of the state.
        """

    @property
    @abstractmethod
    def players(self) -> dict[str, Player]:
        """The sides of the game by name; ``"g"`` is always one, and is what is averaged (EMA)."""

    @abstractmethod
    def phases(self) -> Sequence[tuple[str, int]]:
        """One round: each player's name and its number of steps, a fresh batch for each step.

        Asked anew about every kimg, between steps, so that the numbers may follow the game: there
        a variant may read its tensors, which inside a step would make the host wait for the device.
        """

    @abstractmethod
    def losses(self, player: str, batch: Batch) -> Losses:
        """The losses that ``player`` minimises on ``batch``, with gradients to its own parameters.

        Networks of the other players are evaluated but not updated: the trainer has switched their
        ``requires_grad`` off.
        """

    def penalties(self, player: str) -> Sequence[Penalty]:  # noqa: ARG002 - the contract's argument
        """The regularisers of ``player``, none by default."""
        return ()

    def after_step(self, player: str) -> None:
        """Called without gradients after each of ``player``'s updates: weight clipping, say."""

    @property
    def tags(self) -> Mapping[str, str]:
        """What stands in for what the paper has, e.g. ``{"projector": "random"}``; mostly nothing.

        Part of the protocol: trials that give the same name different values are never ranked
        together.
        """
        return {}

    @abstractmethod
    def sample(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Images for the conditions in ``batch``, as many as it has, without gradients.

        Args:
            batch: gives the number of images, the device and the labels; its images are not looked
                at by a variant that takes noise.
            generator: on the CPU, so that the same seed gives the same latents on every device; the
                only source of randomness.

        Returns:
            ``[N, C, H, W]``, float32 in [-1, 1], on the batch's device.
        """

    def evaluate(self, heldout: ImageSet | None) -> dict[str, float]:  # noqa: ARG002 - likewise
        """What a variant measures of itself, in evaluation mode and without gradients.

        Args:
            heldout: the images that are kept out of training, where there are any.

        Returns:
            Finite values by name. Those that its entry lists are metrics of the catalog, and may be
            objectives; others are logged.
        """
        return {}
