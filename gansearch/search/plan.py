"""What a study trains next: what was taken from earlier ones, what is proposed, the front again."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gansearch.config import Params
from gansearch.noise import error_of_mean, standard_error
from gansearch.pareto import near_front
from gansearch.record import LOST, Ancestor, Outcome, Prior, Report, StudyRecord, TrialRecord
from gansearch.search.bayesian.prospects import Prospects
from gansearch.search.population import Population
from gansearch.search.samplers import Proposer
from gansearch.space import Space
from gansearch.uncertainty import SIGNIFICANT


class Next(NamedTuple):
    """A trial to be.

    Attributes:
        params: its configuration.
        replicates: the number of the trial that it repeats, if it repeats one.
        lineage: of the trial whose training it goes on with, and that one itself.
        seed: which is then theirs.
    """

    params: Params
    replicates: int | None = None
    lineage: tuple[Ancestor, ...] = ()
    seed: int | None = None


class Plan:
    """The order of a study's trials: a function of its record.

    The budget's trials come first. They are the proposer's, but for those right after the papers'
    configurations, which are what was taken from earlier studies. After them, or where the proposer
    has nothing left, the configurations on the front or within the noise of it are trained
    again with other seeds, the one with the fewest trainings first, until each has as many as the
    space asks for, whatever became of them. Means over trainings decide who that is, so one whose
    luck does not repeat is soon left alone.

    The proposer hears of a configuration's first training only: told of more, it would take one
    good region for several. Nor does it hear of those that go on with the training of others, whose
    results are not of their configurations alone.

    Args:
        space: what is searched.
        study: with what it took from earlier ones; its trials are yet to be told.
        prospects: told of what the proposer is told of.
        proposer: of the configurations.
    """

    def __init__(
        self, space: Space, study: StudyRecord, prospects: Prospects, proposer: Proposer
    ) -> None:
        self._space = space
        self._prospects = prospects
        self._proposer = proposer
        self._population = Population(space)
        self._proposed = 0
        self._trainings: dict[str, dict[int, TrialRecord]] = {}  # by configuration and number
        self._near: list[str] | None = None  # configurations near the front, if that is known
        tried = [prior.params for prior in study.priors if not prior.metrics]
        self._tried = dict(enumerate(tried, start=len(space.defaults())))
        results = [prior for prior in study.priors if prior.metrics]
        for number, prior in enumerate(results, start=-len(results)):
            self._learn(_as_trial(number, prior, space.budget.max_kimg))

    def next(self, number: int) -> Next | None:
        """The configuration of trial ``number``; ``None`` while there is none.

        There may be one again once a trial has ended.
        """
        if self._proposed < self._space.budget.trials:
            branch = self._population.branch(number)
            if branch is not None:
                return Next(branch.params, lineage=branch.lineage, seed=branch.parent.seed)
            params = self._tried.get(number) or self._proposer.propose(number)
            if params is not None:
                return Next(params)
        return self._again()

    def add(self, trial: TrialRecord) -> None:
        """A trial was handed out; trials are added in the order of their numbers."""
        self._trainings.setdefault(trial.configuration, {})[trial.number] = trial
        if trial.replicates is None:
            self._proposed += 1
        for listener in self._listeners(trial):
            listener.add(trial)

    def report(self, trial: TrialRecord) -> None:
        """A trial that was added has a new report, its last one."""
        for listener in self._listeners(trial):
            listener.report(trial)

    def end(self, trial: TrialRecord) -> None:
        """A trial that was added came to its end; ends are told in the order of ``ended``."""
        self._trainings[trial.configuration][trial.number] = trial
        self._near = None
        for listener in self._listeners(trial):
            listener.end(trial)

    def _listeners(self, trial: TrialRecord) -> Sequence[Proposer | Population | Prospects]:
        if trial.replicates is not None:
            return ()
        if trial.lineage:
            return (self._population,)
        return self._population, self._prospects, self._proposer

    def _learn(self, trial: TrialRecord) -> None:
        for listener in (self._prospects, self._proposer):
            listener.add(trial)
            listener.report(trial)
            listener.end(trial)

    def _again(self) -> Next | None:
        wanted = self._space.search.replicates
        if wanted == 1:
            return None
        if self._near is None:
            self._near = _near_front(self._space, self._trainings)
        groups = (self._trainings[key] for key in self._near)
        short = [trainings for trainings in groups if len(trainings) < wanted]
        if not short:
            return None
        chosen = min(short, key=lambda trainings: (len(trainings), min(trainings)))
        first = chosen[min(chosen)]
        return Next(first.params, first.number, first.lineage)


def _near_front(space: Space, groups: Mapping[str, Mapping[int, TrialRecord]]) -> list[str]:
    """The configurations on the front of means, or within the noise of it.

    That is who no other would dominate if its own objectives were better by half their 95%
    intervals (:mod:`gansearch.noise`).
    """
    points = {key: _point(space, list(trainings.values())) for key, trainings in groups.items()}
    found = {key: point for key, point in points.items() if point is not None}
    values = np.array(list(found.values())).reshape(-1, 2, len(space.objectives) + 1)
    near = near_front(values[:, 0], SIGNIFICANT * values[:, 1])
    return [key for key, kept in zip(found, near, strict=True) if kept]


def _point(space: Space, trainings: Sequence[TrialRecord]) -> tuple[list[float], ...] | None:
    """Mean objectives, minimised, with the share of trainings lost, and their standard errors.

    ``None`` out of bounds.
    """
    done = [t.last.metrics for t in trainings if t.outcome is Outcome.COMPLETED and t.last]
    if not done:
        return None
    bounds = (*space.objectives, *space.constraints)
    means = {b.metric: statistics.fmean(metrics[b.metric] for metrics in done) for b in bounds}
    if not all(bound.admits(means[bound.metric]) for bound in bounds):
        return None
    lost = sum(trial.outcome in LOST for trial in trainings)
    names = [objective.metric for objective in space.objectives]
    values = (o.minimised(means[o.metric]) for o in space.objectives)
    errors = (error_of_mean([standard_error(name, each) for each in done]) for name in names)
    return [*values, lost / (lost + len(done))], [*errors, 0.0]


def _as_trial(number: int, prior: Prior, kimg: float) -> TrialRecord:
    """A result of an earlier study as a proposer hears of one, under a number of its own."""
    reports = (Report(kimg, prior.metrics),)
    return TrialRecord(number, prior.params, 0, reports, Outcome.COMPLETED, ended=0.0)
