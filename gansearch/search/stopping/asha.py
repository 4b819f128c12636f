"""Asynchronous successive halving by quality (ASHA; Li et al. 2020)."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field

from gansearch.record import TrialRecord, images_of
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

    A trial continues past a rung if its loss is among the smallest ``1 / reduction_factor`` of the
    trials that have reached the rung, including itself. No trial is stopped before
    ``reduction_factor`` trials have reached the rung, because the best share of fewer is less than
    one trial. No trial waits for another, and decisions are final.

    Args:
        kimg: the rungs, ascending, each above 0; without rungs no trial is stopped.
        reduction_factor: at least 2.
    """

    def __init__(self, kimg: Sequence[float], reduction_factor: int) -> None:
        if reduction_factor < 2:
            raise ValueError(f"reduction_factor {reduction_factor} should be at least 2")
        if list(kimg) != sorted(set(kimg)) or any(rung <= 0 for rung in kimg):
            raise ValueError(f"rungs {tuple(kimg)} should ascend from above 0")
        self.kimg = tuple(kimg)
        self._reduction_factor = reduction_factor
        self._rungs = [_Rung() for _ in self.kimg]

    def report(self, number: int, kimg: float, loss: float) -> bool:
        """Whether trial ``number``, which has reached ``kimg`` with ``loss``, continues.

        It is compared at the last rung that it has reached; before the first it always continues. A
        repeated report of a rung gets the first answer and changes nothing.

        Raises:
            ValueError: ``loss`` is not finite; it would pass every comparison.
        """
        rung = self._at(kimg)
        _check(number, kimg, loss)
        if rung is None:
            return True
        if number not in rung.kept:
            rung.add(number, loss, continues=self._is_among_best(rung, loss))
        return rung.kept[number]

    def restore(self, number: int, kimg: float, loss: float, *, continues: bool) -> None:
        """Take a report whose answer is on record, so that later decisions are unchanged.

        Raises:
            ValueError: ``loss`` is not finite.
        """
        rung = self._at(kimg)
        _check(number, kimg, loss)
        if rung is not None and number not in rung.kept:
            rung.add(number, loss, continues=continues)

    def _at(self, kimg: float) -> _Rung | None:
        index = bisect_right(self.kimg, images_of(kimg), key=images_of) - 1
        return self._rungs[index] if index >= 0 else None

    def _is_among_best(self, rung: _Rung, loss: float) -> bool:
        reached = len(rung.best_first) + 1
        if reached < self._reduction_factor:
            return True
        return bisect_left(rung.best_first, loss) < reached // self._reduction_factor


def _check(number: int, kimg: float, loss: float) -> None:
    if not math.isfinite(loss):
        raise ValueError(f"trial {number} has {loss} at {kimg:g} kimg, not a finite value")


class Asha:
    """Stops trials by their first quality objective alone, with :class:`Rungs`.

    Args:
        space: the search space, with its rungs and its reduction factor.
    """

    def __init__(self, space: Space) -> None:
        self._quality = space.quality
        self._share = f"best 1/{space.search.reduction_factor}"
        self._rungs = Rungs(space.budget.rungs, space.search.reduction_factor)

    def reason_to_stop(self, trial: TrialRecord) -> str | None:
        """Return why a trial should stop at its last report, or ``None``."""
        if self._rungs.report(trial.number, *self._last(trial)):
            return None
        last, metric = trial.reports[-1], self._quality.metric
        value = number(last.metrics[metric])
        return f"{metric} {value} at {last.kimg:g} kimg is not among the {self._share}"

    def restore(self, trial: TrialRecord, *, continues: bool) -> None:
        """Observe a trial's last report, whose decision is on record."""
        self._rungs.restore(trial.number, *self._last(trial), continues=continues)

    def _last(self, trial: TrialRecord) -> tuple[float, float]:
        last = trial.reports[-1]
        return last.kimg, self._quality.minimised(last.metrics[self._quality.metric])
