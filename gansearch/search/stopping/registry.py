"""The stopping rules by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gansearch.record import TrialRecord
from gansearch.search.bayesian.prospects import Prospects
from gansearch.search.samplers.pbt import Truncation
from gansearch.search.stopping.asha import Rungs
from gansearch.space import Space
from gansearch.text.readable import number


class Stopper(Protocol):
    """Decides at rungs; a decision depends only on earlier reports."""

    def judge(self, trial: TrialRecord) -> str | None:
        """Return why a trial should stop at its last, new report, or ``None``."""

    def restore(self, trial: TrialRecord, *, goes_on: bool) -> None:
        """Take a trial's last report, whose answer is on record."""


class Halving:
    """Asynchronous successive halving by quality alone: :class:`Rungs`.

    Args:
        space: the search space, with its rungs and its reduction factor.
    """

    def __init__(self, space: Space) -> None:
        self._quality = space.quality.metric
        self._share = f"best 1/{space.search.reduction_factor}"
        self._rungs = Rungs(
            space.budget.rungs, space.search.reduction_factor, space.quality.direction
        )

    def judge(self, trial: TrialRecord) -> str | None:
        """Return why a trial should stop at its last report, or ``None``."""
        kimg, value = self._last(trial)
        if self._rungs.report(trial.number, kimg, value):
            return None
        return f"{self._quality} {number(value)} at {kimg:g} kimg is not among the {self._share}"

    def restore(self, trial: TrialRecord, *, goes_on: bool) -> None:
        """Take a trial's last report, whose answer is on record."""
        self._rungs.restore(trial.number, *self._last(trial), goes_on=goes_on)

    def _last(self, trial: TrialRecord) -> tuple[float, float]:
        last = trial.reports[-1]
        return last.kimg, last.metrics[self._quality]


class Never:
    """Stops no trial."""

    def judge(self, trial: TrialRecord) -> None:
        """Let a trial continue."""

    def restore(self, trial: TrialRecord, *, goes_on: bool) -> None:
        """Keep no state."""


class Unpromising:
    """Stops a trial that another one probably dominates, given its acquisition value.

    See :mod:`gansearch.search.bayesian.prospects`.

    Args:
        prospects: observes every trial.
    """

    def __init__(self, prospects: Prospects) -> None:
        self._prospects = prospects

    def judge(self, trial: TrialRecord) -> str | None:
        """Return why a trial should stop at its last report, or ``None``."""
        objection = self._prospects.objection(trial)
        return objection and f"at {trial.reports[-1].kimg:g} kimg {objection}"

    def restore(self, trial: TrialRecord, *, goes_on: bool) -> None:
        """Keep no state; the prospects keep it."""


STOPPERS: dict[str, Callable[[Space, Prospects], Stopper]] = {
    "pareto": lambda _, prospects: Unpromising(prospects),
    "asha": lambda space, _: Halving(space),
    "truncation": lambda space, _: Truncation(space),
    "none": lambda *_: Never(),
}
"""Stopping rules by their name in a space."""
