"""Which trials go on past a rung, by the name of the rule in a space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gansearch.readable import number
from gansearch.record import TrialRecord
from gansearch.search.bayesian.prospects import Prospects
from gansearch.search.population import Truncation
from gansearch.search.rungs import Rungs
from gansearch.space import Space


class Stopper(Protocol):
    """Decides at rungs; a decision depends on the reports before it and on nothing else."""

    def judge(self, trial: TrialRecord) -> str | None:
        """Why a trial should stop at its last report, which is new; ``None`` if it goes on."""

    def restore(self, trial: TrialRecord, *, goes_on: bool) -> None:
        """Take a trial's last report, whose answer is on record."""


class Halving:
    """Asynchronous successive halving on the quality alone: :class:`gansearch.search.rungs.Rungs`.

    Args:
        space: what is searched, with its rungs and its reduction factor.
    """

    def __init__(self, space: Space) -> None:
        self._quality = space.quality.metric
        self._share = f"best 1/{space.search.reduction_factor}"
        self._rungs = Rungs(
            space.budget.rungs, space.search.reduction_factor, space.quality.direction
        )

    def judge(self, trial: TrialRecord) -> str | None:
        """Why a trial should stop at its last report."""
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
    """Stops nobody."""

    def judge(self, trial: TrialRecord) -> None:
        """A trial goes on."""

    def restore(self, trial: TrialRecord, *, goes_on: bool) -> None:
        """Nothing is kept."""


class Unpromising:
    """Stops what another trial beats, surely or while it promises little itself.

    By :mod:`gansearch.search.bayesian.prospects`.

    Args:
        prospects: told of every trial.
    """

    def __init__(self, prospects: Prospects) -> None:
        self._prospects = prospects

    def judge(self, trial: TrialRecord) -> str | None:
        """Why a trial should stop at its last report."""
        objection = self._prospects.objection(trial)
        return objection and f"at {trial.reports[-1].kimg:g} kimg {objection}"

    def restore(self, trial: TrialRecord, *, goes_on: bool) -> None:
        """Nothing is kept: it is the prospects that remember."""


STOPPERS: dict[str, Callable[[Space, Prospects], Stopper]] = {
    "pareto": lambda _, prospects: Unpromising(prospects),
    "asha": lambda space, _: Halving(space),
    "truncation": lambda space, _: Truncation(space),
    "none": lambda *_: Never(),
}
"""What stops trials at rungs, by its name in a space."""
