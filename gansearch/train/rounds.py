"""One round after another: what training does between looks at the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gansearch.data.batch import Batch
from gansearch.train.ema import Ema
from gansearch.train.updater import Updater
from gansearch.variants.base import Losses, Variant


class Rounds:
    """The rounds of a variant's game: each player's steps in turn, then the generator's average.

    The trainer plays them, and so does whatever asks what they cost.

    Attributes:
        updaters: of every player, by name.
        ema: the generator's average.
        counted: the player whose real images are counted: the discriminator, or the generator of a
            variant without one.
        images: counted so far.
    """

    def __init__(self, variant: Variant[Any]) -> None:
        players = variant.players
        self.updaters = {name: Updater(variant, player) for name, player in players.items()}
        self.ema = Ema(players["g"].modules, variant.settings.ema_kimg)
        self.counted = "d" if "d" in players else "g"
        self.images = 0

    @property
    def kimg(self) -> float:
        """The images counted so far, in thousands."""
        return self.images / 1000

    def play(
        self, phases: Sequence[tuple[str, int]], next_batch: Callable[[], Batch]
    ) -> Iterator[tuple[str, Losses]]:
        """One round, as far as it is asked for.

        Args:
            phases: each player's name and its number of steps.
            next_batch: gives each step a fresh batch.

        Yields:
            The player and its losses, detached and still on the device, after each step.
        """
        start = self.kimg
        for name, steps in phases:
            for other, updater in self.updaters.items():
                updater.require_grad(other == name)
            for _ in range(steps):
                batch = next_batch()
                losses = self.updaters[name].step(batch, self.kimg)
                self.images += len(batch) if name == self.counted else 0
                yield name, losses
        self.ema.update(self.kimg - start, self.kimg)
