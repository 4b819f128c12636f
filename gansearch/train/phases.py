"""Rounds that say what they are about to do: where a step's time and memory go, by phase."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from gansearch.data.batch import Batch
from gansearch.train.compute import Compute
from gansearch.train.rounds import Rounds
from gansearch.variants.base import Losses, Penalty, Variant

REST = "rest"
"""What is in no other phase: weight clipping, and what Python does between the others."""
DATA = "data"
AVERAGE = "average"

Mark = Callable[[str], None]
"""Told the name of the phase that begins; the one before it ends."""


def watched_rounds(variant: Variant[Any], compute: Compute, mark: Mark) -> Rounds:
    """The rounds of a variant, which is changed for good, told to ``mark`` as they are played.

    Phases are ``<player> forward``, ``backward`` and ``optimiser``, ``<player> <penalty>``, data,
    average and rest. A penalty of every step is differentiated in its player's ``backward``; a lazy
    one, :func:`lazy_phase`, is a phase from its computation to its update.
    """
    in_lazy = [False]

    def begin(phase: str) -> None:
        if not in_lazy[0]:
            mark(phase)

    _watch_losses(variant, begin)
    _watch_penalties(variant, begin, in_lazy)
    rounds = Rounds(variant, compute)
    for player, updater in rounds.updaters.items():
        _watch_optimiser(updater.optimiser, player, begin, in_lazy)
    update = rounds.ema.update

    def average(kimg: float, progress: float) -> None:
        mark(AVERAGE)
        update(kimg, progress)
        mark(REST)

    rounds.ema.update = average  # type: ignore[method-assign]
    return rounds


def lazy_phase(player: str, penalty: Penalty) -> str:
    """The name of a lazy regulariser's phase."""
    return f"{player} {penalty.name}, one step in {penalty.interval}"


def _watch_losses(variant: Variant[Any], begin: Mark) -> None:
    losses = variant.losses

    def watched(player: str, batch: Batch) -> Losses:
        begin(f"{player} forward")
        values = losses(player, batch)
        begin(f"{player} backward")
        return values

    variant.losses = watched  # type: ignore[method-assign]


def _watch_penalties(variant: Variant[Any], begin: Mark, in_lazy: list[bool]) -> None:
    penalties = variant.penalties

    def compute(player: str, penalty: Penalty, batch: Batch) -> Tensor:
        if penalty.interval > 1:
            begin(lazy_phase(player, penalty))
            in_lazy[0] = True
            return penalty.compute(batch)
        begin(f"{player} {penalty.name}")
        value = penalty.compute(batch)
        begin(f"{player} backward")
        return value

    def watched(player: str) -> tuple[Penalty, ...]:
        return tuple(
            replace(each, compute=partial(compute, player, each)) for each in penalties(player)
        )

    variant.penalties = watched  # type: ignore[method-assign]


def _watch_optimiser(optimiser: Any, player: str, begin: Mark, in_lazy: list[bool]) -> None:
    def after(*_: object) -> None:
        in_lazy[0] = False
        begin(REST)

    optimiser.register_step_pre_hook(lambda *_: begin(f"{player} optimiser"))
    optimiser.register_step_post_hook(after)
