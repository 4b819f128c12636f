"""Updates of one player: losses, penalties, optimiser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from gansearch.data.batch import Batch
from gansearch.settings import Settings
from gansearch.variants.base import Losses, Penalty, Player, Variant


class Updater:
    """Updates one player of a variant, and nothing of the others.

    Args:
        variant: the networks.
        player: a player of the variant.
        exact: makes the context in which penalties are computed.
        lazy_context: makes the context in which a lazy penalty is computed and applied.

    Attributes:
        parameters: the parameters that it updates.
        optimiser: optimiser, corrected for the player's lazy penalties.
        steps: updates so far, without those of lazy penalties.
    """

    def __init__(
        self,
        variant: Variant[Settings],
        player: Player,
        exact: Callable[[], AbstractContextManager[None]] = nullcontext,
        lazy_context: Callable[[Penalty], AbstractContextManager[None]] = lambda _: nullcontext(),
    ) -> None:
        self._variant = variant
        self._player = player
        self._exact = exact
        self._lazy_context = lazy_context
        penalties = variant.penalties(player.name)
        self._added = [penalty for penalty in penalties if penalty.interval == 1]
        self._lazy = [penalty for penalty in penalties if penalty.interval > 1]
        self.parameters = player.parameters()
        self.optimiser = player.optimiser(self.parameters)
        correct_for_lazy(self.optimiser, self._lazy)
        self.steps = 0

    def state_dict(self) -> dict[str, Any]:
        """State for a checkpoint: moments and counts. Learning rates follow from the settings."""
        return {"optimiser": self.optimiser.state_dict()["state"], "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of this player from :meth:`state_dict`; learning rates may differ.

        Raises:
            KeyError, ValueError: the state is of other parameters.
        """
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state["optimiser"], "param_groups": groups})
        self.steps = state["steps"]

    def require_grad(self, required: bool) -> None:
        """Switch gradients to this player's parameters on or off."""
        for parameter in self.parameters:
            parameter.requires_grad_(required)

    def step(self, batch: Batch, kimg: float) -> Losses:
        """Update the player once on ``batch``, and again for each lazy penalty that is due.

        Args:
            batch: real images, on the networks' device.
            kimg: progress of the run.

        Returns:
            The losses and penalties, detached and still on the device.
        """
        if self._player.schedule is not None:
            self._player.schedule(self.optimiser, kimg)
        losses = dict(self._variant.losses(self._player.name, batch))
        for penalty in self._added:
            losses[penalty.name] = self._compute(penalty, batch)
            losses["total"] = losses["total"] + losses[penalty.name]
        self._descend(losses["total"])
        for penalty in self._lazy:
            if self.steps % penalty.interval == 0:
                with self._lazy_context(penalty):
                    losses[penalty.name] = self._compute(penalty, batch)
                    self._descend(losses[penalty.name] * penalty.interval)
        self.steps += 1
        return {name: value.detach() for name, value in losses.items()}

    def dry_run(self, batch: Batch) -> None:
        """Compute a step without penalties, and update no parameter."""
        self._variant.losses(self._player.name, batch)["total"].backward()  # type: ignore[no-untyped-call]
        self.optimiser.zero_grad(set_to_none=True)

    def _compute(self, penalty: Penalty, batch: Batch) -> Tensor:
        with self._exact():
            return penalty.compute(batch)

    def _descend(self, loss: Tensor) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        with torch.no_grad():
            self._variant.after_step(self._player.name)


def correct_for_lazy(optimiser: Optimizer, lazy: Sequence[Penalty]) -> None:
    """Correct an optimiser for the steps that lazy penalties add (StyleGAN2, appendix B).

    With c = 1 / (1 + Σ 1/interval), which is interval / (interval + 1) for a single one, the
    learning rate is multiplied by c and Adam's betas are raised to the power c. The weights then
    move, and the moments decay, per image as without the added steps. A schedule finds the
    corrected rate in each group's ``initial_lr``.
    """
    c = 1 / (1 + sum(1 / penalty.interval for penalty in lazy))
    for group in optimiser.param_groups:
        group["lr"] *= c
        group["initial_lr"] = group["lr"]
        if "betas" in group:
            group["betas"] = tuple(beta**c for beta in group["betas"])
