"""Rounds that announce their phases, for time and memory by phase."""

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
"""Phase of everything else: weight clipping, and Python code between the other phases."""
DATA = "data"
AVERAGE = "average"

Mark = Callable[[str], None]
"""Callback with the name of the phase that begins; the previous phase ends."""


def watched_rounds(variant: Variant[Any], compute: Compute, mark: Mark) -> Rounds:
    """Make the rounds of a variant that call ``mark`` at each phase.

    The variant is changed for good. Phases are ``<player> forward``, ``backward`` and
    ``optimiser``, ``<player> <penalty>``, data, average and rest. The gradient of a penalty with
    interval 1 is part of its player's ``backward``. A lazy penalty is a single phase from
    computation to update, named by :func:`lazy_phase`.
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
    """Return the name of a lazy regulariser's phase."""
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
