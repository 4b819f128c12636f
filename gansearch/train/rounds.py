"""Rounds of training: each player's steps, then the moving average."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from gansearch.data.batch import Batch
from gansearch.record import kimg_of
from gansearch.settings import Settings
from gansearch.train.compute import Compute
from gansearch.train.ema import Ema
from gansearch.train.updater import Updater
from gansearch.variants.base import Losses, Penalty, Variant

LazyContext = Callable[[str, Penalty], AbstractContextManager[None]]
"""Makes the context of a lazy penalty, from its player's name and the penalty."""


class Rounds:
    """The rounds of a variant: each player's steps in turn, then the generator's average.

    The trainer and the profiler run the same rounds.

    Args:
        variant: the variant to train.
        compute: computation of the steps; already applied to the variant.
        lazy_context: makes the context in which a player's lazy penalty is computed and applied.

    Attributes:
        updaters: updaters of the players, by name.
        ema: the generator's average.
        counted: player whose real images are counted: the discriminator, or the generator of a
            variant without one.
        images: real images counted so far.
    """

    def __init__(
        self,
        variant: Variant[Any],
        compute: Compute,
        lazy_context: LazyContext = lambda *_: nullcontext(),
    ) -> None:
        self._variant = variant
        self._lazy_context = lazy_context
        self._exact = compute.exact
        self._begin_step = compute.begin_step
        self.updaters = self._make_updaters()
        self.ema = Ema(variant.players["g"].modules, variant.settings.ema_kimg)
        self.counted = "d" if "d" in self.updaters else "g"
        self.images = 0

    @property
    def kimg(self) -> float:
        """Real images counted so far, in thousands."""
        return kimg_of(self.images)

    def change(self, settings: Settings) -> None:
        """Continue with changed live settings; optimisers keep their moments."""
        self._variant.settings = settings
        before, self.updaters = self.updaters, self._make_updaters()
        for name, updater in self.updaters.items():
            updater.load_state_dict(before[name].state_dict())

    def run(
        self, phases: Sequence[tuple[str, int]], next_batch: Callable[[], Batch]
    ) -> Iterator[tuple[str, Losses]]:
        """Run one round lazily: each value taken from the iterator is one update.

        Args:
            phases: each player's name and its number of steps.
            next_batch: returns a fresh batch for each step.

        Yields:
            The player and its losses, detached and still on the device, after each step.
        """
        start = self.kimg
        for name, steps in phases:
            self._enable_gradients_of(name)
            for _ in range(steps):
                batch = next_batch()
                self._begin_step()
                losses = self.updaters[name].step(batch, self.kimg)
                self.images += len(batch) if name == self.counted else 0
                yield name, losses
        self.ema.update(self.kimg - start, self.kimg)

    def dry_run(self, next_batch: Callable[[], Batch]) -> None:
        """Compute a step of each player without updating any parameter.

        Args:
            next_batch: returns a batch for each step.
        """
        for name, updater in self.updaters.items():
            self._enable_gradients_of(name)
            self._begin_step()
            updater.dry_run(next_batch())

    def _make_updaters(self) -> dict[str, Updater]:
        players = self._variant.players.items()
        return {
            name: Updater(self._variant, player, self._exact, partial(self._lazy_context, name))
            for name, player in players
        }

    def _enable_gradients_of(self, name: str) -> None:
        for other, updater in self.updaters.items():
            updater.require_grad(other == name)
