"""Progress of a study at one moment."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gansearch.record import StudyRecord, TrialRecord
from gansearch.report.front.replicates import estimates_of

if TYPE_CHECKING:
    from gansearch.space import Space


@dataclass(frozen=True)
class Progress:
    """Progress of a study at one moment.

    Attributes:
        states: number of trials by outcome, and ``running``.
        rungs: number of trials that reached each rung, by kimg.
        best: for each objective, the best value of a completed configuration, averaged over its
            trainings, and the first of its trials.
        kimg: real images shown over all trials, in thousands.
        ended: trials of the budget that have an outcome; repeated trainings do not count.
        expected_kimg: expected kimg of the whole study, extrapolated from the trials so far.
    """

    states: dict[str, int]
    rungs: dict[float, int]
    best: dict[str, tuple[float, TrialRecord]]
    kimg: float
    ended: int
    expected_kimg: float

    @classmethod
    def of(cls, space: Space, record: StudyRecord) -> Progress:
        """Compute the progress from a record."""
        reached = [trial.last.kimg if trial.last else 0.0 for trial in record.trials]
        ended = sum(t.outcome is not None for t in record.trials if t.replicates is None)
        repeating = sum(t.outcome is None for t in record.trials if t.replicates is not None)
        full = space.budget.max_kimg
        spent = [kimg for kimg, t in zip(reached, record.trials, strict=True) if t.outcome]
        typical = sum(spent) / len(spent) if spent else full
        left = typical * max(space.budget.trials - ended, 0) + full * repeating
        by_number = {trial.number: trial for trial in record.trials}
        estimates = estimates_of(record.trials, full)
        best = {}
        for objective in space.objectives:
            done = {
                number: estimate.report.metrics[objective.metric]
                for number, estimate in estimates.items()
                if objective.metric in estimate.report.metrics
            }
            if done:
                losses = {number: objective.minimised(value) for number, value in done.items()}
                number = min(losses, key=losses.__getitem__)
                best[objective.metric] = done[number], by_number[number]
        return cls(
            states=Counter(str(t.outcome or "running") for t in record.trials),
            rungs={
                rung: sum(kimg >= rung for kimg in reached) for rung in (*space.budget.rungs, full)
            },
            best=best,
            kimg=sum(reached),
            ended=ended,
            expected_kimg=sum(spent) + left,
        )
