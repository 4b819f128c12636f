"""Posterior of a study's trials and of untried configurations, given the observations so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from gansearch.pareto import non_dominated
from gansearch.record import Outcome
from gansearch.search.bayesian.gp import PendingDeviations
from gansearch.search.bayesian.kernel import Array, Indices
from gansearch.search.bayesian.observations import Observation, Snapshot, costs_of
from gansearch.search.bayesian.surrogate import Hyperparameters, Surrogates

NO_RUNG = -1
"""Rung of a trial without a report."""
MAX_PENDING = 128
"""Maximum number of running trials, the newest, that count as pending points; conditioning on more
would be slow."""
MAX_COMPLETED_DEVIATION = 0.05
"""Maximum standard deviation of a completed trial's quality, on the surrogate's scale: its value is
observed, so that only the noise remains."""
EQUAL_COSTS = 1e-6
"""Relative difference up to which two costs are equal, so that rounding makes none higher."""
VIOLATION_DEVIATION = 0.2
"""Standard deviation added to the predicted constraint violation, so that no configuration close to
a bound is certain to be feasible or infeasible."""


class Prediction(NamedTuple):
    """Prediction of some configurations at the full budget.

    Attributes:
        means: means of the objectives ``[N, M]``, minimised: qualities on their surrogates' scales,
            then costs.
        deviations: their standard deviations ``[N, M]``; 0 for an exact cost.
        seconds: seconds per kimg ``[N]``.
        feasibility: probability of feasibility ``[N]``: of neither failing nor violating a bound.
    """

    means: Array
    deviations: Array
    seconds: Array
    feasibility: Array

    def at(self, indices: Indices) -> Prediction:
        """Return the prediction of a subset."""
        return Prediction(*(each[indices] for each in self))


class Posterior:
    """Posterior of a study.

    Args:
        hyperparameters: scales and kernels of the surrogates.
        snapshot: the observations.
        outcomes: outcomes of the ended trials, by number.
        limits: bounds of the objectives ``[M]`` in their own units, qualities first.

    Attributes:
        trials: number of trials.
        quality_count: number Q of objectives with learning curves.
        limits: the bounds on the surrogates' scales.
        numbers: numbers of the running trials, and of the completed ones that no other completed
            one dominates.
        prediction: prediction of these trials.
        objectives: their predicted objectives ``[N, M]``, qualities first.
        front: indices of the non-dominated ones among them ``[F]``.
        rungs: rungs up to the last with a trial, preceded by :data:`NO_RUNG`.
        reported: numbers of the trials with a report, in the order of their first one.
    """

    def __init__(
        self,
        hyperparameters: Hyperparameters,
        snapshot: Snapshot,
        outcomes: Mapping[int, Outcome | None],
        limits: Array,
    ) -> None:
        self._snapshot = snapshot
        self.trials = len(snapshot.inputs)
        self._surrogates = Surrogates(hyperparameters, snapshot)
        qualities = self.quality_count = len(hyperparameters.qualities)
        scaled = self._surrogates.scale(limits[None, :qualities])[0]
        self.limits = np.append(scaled, limits[qualities:])
        self._last = snapshot.last
        self.reported = list(self._last)
        self._trials_by_rung = np.bincount([report.rung for report in self._last.values()])
        running = [number for number in snapshot.inputs if number not in outcomes]
        inputs = snapshot.inputs_of(running)
        processes = self._surrogates.qualities
        self._updates = [process.updates(inputs) for process in processes]
        self._with_pending = [process.with_pending(inputs[-MAX_PENDING:]) for process in processes]
        self.numbers = running + self._completed_front(outcomes)
        self.prediction = self.predict(snapshot.inputs_of(self.numbers))
        reported = [i for i, number in enumerate(self.numbers) if number in self._last]
        if reported:
            last = [self._last[self.numbers[i]] for i in reported]
            costs, errors = costs_of(last), snapshot.errors(last)
            self.prediction.seconds[reported] = costs[:, 0]
            self.prediction.means[reported, qualities:] = costs[:, 1:]
            self.prediction.deviations[reported, qualities:] = errors[:, 1:]
            self.prediction.deviations[reported, :qualities] *= self._inflation(last)
        completed = self.prediction.deviations[len(running) :, :qualities]
        np.minimum(completed, MAX_COMPLETED_DEVIATION, out=completed)
        reports = (self._last.get(number) for number in self.numbers)
        self._rung = np.array([report.rung if report else NO_RUNG for report in reports])
        self._index = {number: index for index, number in enumerate(self.numbers)}
        self.objectives = self.prediction.means
        self.rungs = range(NO_RUNG, len(self._trials_by_rung))
        self._fronts = {rung: self._front_at(rung) for rung in self.rungs}
        self.front = self._fronts[NO_RUNG]

    def trials_at(self, rung: int) -> int:
        """Return the number of trials that have reached a rung."""
        return int(self._trials_by_rung[rung:].sum())

    def __contains__(self, number: int) -> bool:
        return number in self._index

    def front_at(self, rung: int) -> Array:
        """Return the predicted front ``[F, M]`` of the trials that have reached a rung."""
        return self.objectives[self._fronts[rung]]

    def front_without(self, number: int, rung: int) -> Array | None:
        """Return a rung's front without one trial, or ``None`` if it is the same."""
        front = self._fronts[rung]
        index = self._index.get(number)
        if index not in front:
            return None
        others = self.objectives[front[front != index]]
        # Trials that only this one may hide from the front.
        is_hidden = (self.objectives >= self.objectives[index]).all(axis=1) & (self._rung >= rung)
        is_hidden[front] = False
        hidden = self.objectives[is_hidden]
        pairs = zip(others.T, hidden.T, strict=True)
        is_worse = np.logical_and.reduce([other[:, None] <= own for other, own in pairs])
        uncovered = hidden[~is_worse.any(axis=0)]
        found: Array = np.vstack([others, uncovered[non_dominated(uncovered)]])
        return found

    def beaten_by(self, number: int, rung: int, own: Prediction) -> tuple[int, float] | None:
        """Return the trial that most probably beats this one at no higher cost, and how probably.

        It beats this trial if it is better in every quality at the full budget. A cost counts as
        higher only if it exceeds the other by more than the standard error of the difference.

        Only trials that have reached the same rung count. Otherwise each trial might be stopped in
        favour of the next, whose prediction is still uncertain.

        Args:
            number: number of the trial.
            rung: its last rung.
            own: its prediction.
        """
        rivals = np.flatnonzero(self._rung >= rung)
        rivals = rivals[rivals != self._index[number]]
        gains = own.means - self.prediction.means[rivals]
        deviations = np.hypot(self.prediction.deviations[rivals], own.deviations)
        costs = slice(self.quality_count, None)
        tolerance = deviations[:, costs] + EQUAL_COSTS * np.abs(own.means[:, costs])
        costs_no_more = (gains[:, costs] >= -tolerance).all(axis=1)
        rivals = rivals[costs_no_more]
        if not len(rivals):
            return None
        qualities = slice(self.quality_count)
        standardised = gains[costs_no_more, qualities] / deviations[costs_no_more, qualities]
        better = ndtr(standardised).prod(axis=1)
        return self.numbers[rivals[better.argmax()]], float(better.max())

    def predict(self, inputs: Array) -> Prediction:
        """Predict configurations ``[N, D]`` without observations of their own."""
        means, deviations = zip(
            *(process.predict(inputs) for process in self._surrogates.qualities), strict=True
        )
        seconds, *costs = self._surrogates.costs(inputs).T
        violation, deviation = self._surrogates.violations(inputs)
        feasibility = ndtr(-violation / np.hypot(deviation, VIOLATION_DEVIATION))
        exact = np.zeros((len(inputs), len(costs)))
        return Prediction(
            np.column_stack([*means, *costs]),
            np.column_stack([*deviations, exact]),
            seconds,
            feasibility,
        )

    def pending_deviations(self, inputs: Array) -> list[PendingDeviations]:
        """Return deviations of each quality of ``[N, D]``, given the pending points."""
        return [PendingDeviations(process, inputs) for process in self._with_pending]

    def predict_trial(self, report: Observation) -> Prediction:
        """Predict a running trial, given one more report before the full budget."""
        qualities = self._surrogates.scale(np.array([report.qualities]))[0]
        index = self._index[report.number]
        updated = [
            updates[report.rung].given(index, quality)
            for updates, quality in zip(self._updates, qualities, strict=True)
        ]
        means, deviations = np.array(updated).T
        deviations *= self._inflation([report])[0]
        seconds, *costs = report.costs
        _, *errors = self._snapshot.errors([report])[0]
        rows = ([*means, *costs], [*deviations, *errors], seconds, 1.0)
        return Prediction(*(np.array([row], dtype=np.float64) for row in rows))

    def _inflation(self, last: Sequence[Observation]) -> Array:
        """Return factors ``[N, Q]`` of the qualities' deviations, given the last reports."""
        rungs = [report.rung for report in last]
        factors = self._surrogates.inflation_factors
        return np.array([np.append(each, 1.0)[rungs] for each in factors]).T

    def _front_at(self, rung: int) -> Indices:
        reached = np.flatnonzero(self._rung >= rung)
        front: Indices = reached[non_dominated(self.objectives[reached])]
        return front

    def _completed_front(self, outcomes: Mapping[int, Outcome | None]) -> list[int]:
        """Return the feasible completed trials that no other one dominates."""
        completed = [
            number
            for number, outcome in outcomes.items()
            if outcome is Outcome.COMPLETED and self._snapshot.violations[number] <= 0
        ]
        if not completed:
            return []
        last = (self._last[number] for number in completed)
        values = np.array([(*report.qualities, *report.costs[1:]) for report in last])
        is_kept = non_dominated(values)
        return [number for number, kept in zip(completed, is_kept, strict=True) if kept]
