"""Rounds that report the section of a step that begins, for time and memory by section."""

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
"""Section of everything else: weight clipping, and Python code between the other sections."""
DATA = "data"
AVERAGE = "average"

Mark = Callable[[str], None]
"""Callback with the name of the section that begins; the previous section ends."""


def marked_rounds(variant: Variant[Any], compute: Compute, mark: Mark) -> Rounds:
    """Make the rounds of a variant that call ``mark`` at each section.

    The variant is changed for good. Sections are ``<player> forward``, ``backward`` and
    ``optimiser``, ``<player> <penalty>``, data, average and rest. The gradient of a penalty with
    interval 1 is part of its player's ``backward``. A lazy penalty is a single section from
    computation to update, named by :func:`lazy_section`.
    """
    in_lazy = [False]

    def begin(section: str) -> None:
        if not in_lazy[0]:
            mark(section)

    _mark_losses(variant, begin)
    _mark_penalties(variant, begin, in_lazy)
    rounds = Rounds(variant, compute)
    for player, updater in rounds.updaters.items():
        _mark_optimiser(updater.optimiser, player, begin, in_lazy)
    update = rounds.ema.update

    def average(kimg: float, progress: float) -> None:
        mark(AVERAGE)
        update(kimg, progress)
        mark(REST)

    rounds.ema.update = average  # type: ignore[method-assign]
    return rounds


def lazy_section(player: str, penalty: Penalty) -> str:
    """Return the name of a lazy penalty's section."""
    return f"{player} {penalty.name}, one step in {penalty.interval}"


def _mark_losses(variant: Variant[Any], begin: Mark) -> None:
    losses = variant.losses

    def marked(player: str, batch: Batch) -> Losses:
        begin(f"{player} forward")
        values = losses(player, batch)
        begin(f"{player} backward")
        return values

    variant.losses = marked  # type: ignore[method-assign]


def _mark_penalties(variant: Variant[Any], begin: Mark, in_lazy: list[bool]) -> None:
    penalties = variant.penalties

    def compute(player: str, penalty: Penalty, batch: Batch) -> Tensor:
        if penalty.interval > 1:
            begin(lazy_section(player, penalty))
            in_lazy[0] = True
            return penalty.compute(batch)
        begin(f"{player} {penalty.name}")
        value = penalty.compute(batch)
        begin(f"{player} backward")
        return value

    def marked(player: str) -> tuple[Penalty, ...]:
        return tuple(
            replace(each, compute=partial(compute, player, each)) for each in penalties(player)
        )

    variant.penalties = marked  # type: ignore[method-assign]


def _mark_optimiser(optimiser: Any, player: str, begin: Mark, in_lazy: list[bool]) -> None:
    def after(*_: object) -> None:
        in_lazy[0] = False
        begin(REST)

    optimiser.register_step_pre_hook(lambda *_: begin(f"{player} optimiser"))
    optimiser.register_step_post_hook(after)
