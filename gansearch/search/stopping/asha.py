"""Asynchronous successive halving by quality (ASHA; Li et al. 2020)."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from gansearch.record import TrialRecord
from gansearch.space import Space
from gansearch.text.readable import number


@dataclass
class _Rung:
    best_first: list[float] = field(default_factory=list)  # losses, smallest first
    kept: dict[int, bool] = field(default_factory=dict)  # by trial number

    def add(self, number: int, loss: float, *, continues: bool) -> None:
        insort(self.best_first, loss)
        self.kept[number] = continues


class Rungs:
    """Asynchronous successive halving (ASHA; Li et al. 2020, section 3) in its stopping form.

    A trial continues past a rung if its value is among the best ``1 / reduction_factor`` of the
    trials that have reached the rung, including itself. No trial is stopped before
    ``reduction_factor`` trials have reached the rung, because the best share of fewer is less than
    one trial. No trial waits for another, and decisions are final.

    Args:
        kimg: the rungs, ascending, each above 0; without rungs no trial is stopped.
        reduction_factor: at least 2.
        direction: better direction of the compared value.
    """

    def __init__(
        self,
        kimg: Sequence[float],
        reduction_factor: int,
        direction: Literal["minimize", "maximize"] = "minimize",
    ) -> None:
        if reduction_factor < 2:
            raise ValueError(f"reduction_factor {reduction_factor} should be at least 2")
        if list(kimg) != sorted(set(kimg)) or any(rung <= 0 for rung in kimg):
            raise ValueError(f"rungs {tuple(kimg)} should ascend from above 0")
        self.kimg = tuple(kimg)
        self._reduction_factor = reduction_factor
        self._sign = 1.0 if direction == "minimize" else -1.0
        self._rungs = [_Rung() for _ in self.kimg]

    def report(self, number: int, kimg: float, value: float) -> bool:
        """Whether trial ``number``, which has reached ``kimg`` with ``value``, continues.

        It is compared at the last rung that it has reached; before the first it always continues. A
        repeated report of a rung gets the first answer and changes nothing.

        Raises:
            ValueError: ``value`` is not finite; it would pass every comparison.
        """
        rung, loss = self._at(kimg), self._loss(number, kimg, value)
        if rung is None:
            return True
        if number not in rung.kept:
            rung.add(number, loss, continues=self._is_among_best(rung, loss))
        return rung.kept[number]

    def restore(self, number: int, kimg: float, value: float, *, continues: bool) -> None:
        """Take a report whose answer is on record, so that later decisions are unchanged.

        Raises:
            ValueError: ``value`` is not finite.
        """
        rung, loss = self._at(kimg), self._loss(number, kimg, value)
        if rung is not None and number not in rung.kept:
            rung.add(number, loss, continues=continues)

    def _loss(self, number: int, kimg: float, value: float) -> float:
        if not math.isfinite(value):
            raise ValueError(f"trial {number} has {value} at {kimg:g} kimg, not a finite value")
        return self._sign * value

    def _at(self, kimg: float) -> _Rung | None:
        # The last batch may end slightly before the rung in floating point.
        index = bisect_right(self.kimg, kimg * (1 + 1e-9)) - 1
        return self._rungs[index] if index >= 0 else None

    def _is_among_best(self, rung: _Rung, loss: float) -> bool:
        reached = len(rung.best_first) + 1
        if reached < self._reduction_factor:
            return True
        return bisect_left(rung.best_first, loss) < reached // self._reduction_factor


class Asha:
    """Stops trials by their first quality objective alone, with :class:`Rungs`.

    Args:
        space: the search space, with its rungs and its reduction factor.
    """

    def __init__(self, space: Space) -> None:
        self._quality = space.quality.metric
        self._share = f"best 1/{space.search.reduction_factor}"
        self._rungs = Rungs(
            space.budget.rungs, space.search.reduction_factor, space.quality.direction
        )

    def reason_to_stop(self, trial: TrialRecord) -> str | None:
        """Return why a trial should stop at its last report, or ``None``."""
        kimg, value = self._last(trial)
        if self._rungs.report(trial.number, kimg, value):
            return None
        return f"{self._quality} {number(value)} at {kimg:g} kimg is not among the {self._share}"

    def restore(self, trial: TrialRecord, *, continues: bool) -> None:
        """Observe a trial's last report, whose decision is on record."""
        self._rungs.restore(trial.number, *self._last(trial), continues=continues)

    def _last(self, trial: TrialRecord) -> tuple[float, float]:
        last = trial.reports[-1]
        return last.kimg, last.metrics[self._quality]
