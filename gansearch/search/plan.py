"""The order of a study's trials: prior configurations, proposals, then replicates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gansearch.record import Ancestor, Outcome, Prior, Report, StudyRecord, TrialRecord
from gansearch.report.front.criteria import Criteria
from gansearch.report.front.selection import near_front
from gansearch.search.method import SearchMethod
from gansearch.settings import Params
from gansearch.space import Space


class Next(NamedTuple):
    """The next trial.

    Attributes:
        sampled: its configuration, by the names that the space samples.
        replicates: number of the trial that it replicates, or ``None``.
        lineage: ancestors whose training it continues, ending with its parent.
        seed: the ancestors' seed for such a trial, else ``None``.
    """

    sampled: Params
    replicates: int | None = None
    lineage: tuple[Ancestor, ...] = ()
    seed: int | None = None


class Plan:
    """The order of a study's trials, as a function of the record.

    The budget's trials come first. The sampler proposes them, except that configurations from
    earlier studies follow directly after the papers' configurations. When the budget is used up, or
    the sampler has nothing left, replicates follow. A replicate trains a configuration on the
    front, or within the noise of it, with another seed. The configuration with the fewest trainings
    comes first, until each has the number of trainings that the space asks for, whatever their
    outcomes. The front is computed from means over trainings, so a lucky configuration soon drops
    out.

    The method observes only the first training of a configuration: several trainings would look
    like a good region.

    Args:
        space: the search space.
        study: the study with its priors; its trials are added separately.
        method: proposes configurations; its observers observe the trials.
    """

    def __init__(self, space: Space, study: StudyRecord, method: SearchMethod) -> None:
        self._space = space
        self._method = method
        self._proposed = 0
        self._trainings: dict[str, dict[int, TrialRecord]] = {}  # by configuration and number
        self._near: list[str] | None = None  # configurations near the front, if known
        tried = [space.sampled(prior.params) for prior in study.priors if not prior.metrics]
        self._tried = dict(enumerate(tried, start=len(space.defaults())))
        results = [prior for prior in study.priors if prior.metrics]
        for number, prior in enumerate(results, start=-len(results)):
            self._observe_prior(_as_trial(number, prior, space))

    def next(self, number: int) -> Next | None:
        """Return trial ``number``, or ``None`` while there is none.

        There may be one again after a trial has ended.
        """
        if self._proposed < self._space.budget.trials:
            if number in self._tried:
                return Next(self._tried[number])
            proposal = self._method.sampler.propose(number)
            if proposal is not None:
                return Next(proposal.sampled, lineage=proposal.lineage, seed=proposal.seed)
        return self._next_replicate()

    def add(self, trial: TrialRecord) -> None:
        """Take a trial that was put on record, in the order of the numbers."""
        self._trainings.setdefault(trial.configuration, {})[trial.number] = trial
        if trial.replicates is None:
            self._proposed += 1
            for observer in self._method.observers:
                observer.add(trial)

    def report(self, trial: TrialRecord) -> None:
        """Take the last report of an added trial, which is new."""
        if trial.replicates is None:
            for observer in self._method.observers:
                observer.report(trial)

    def end(self, trial: TrialRecord) -> None:
        """Take the end of an added trial; ends are given in the order of ``ended``."""
        self._trainings[trial.configuration][trial.number] = trial
        self._near = None
        if trial.replicates is None:
            for observer in self._method.observers:
                observer.end(trial)

    def _observe_prior(self, trial: TrialRecord) -> None:
        for observer in self._method.observers:
            observer.add(trial)
            observer.report(trial)
            observer.end(trial)

    def _next_replicate(self) -> Next | None:
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
        return Next(first.sampled, first.number, first.lineage)


def _near_front(space: Space, groups: Mapping[str, Mapping[int, TrialRecord]]) -> list[str]:
    """Return the configurations on the front of means, or within the noise of it."""
    trials = [trial for trainings in groups.values() for trial in trainings.values()]
    near = near_front(Criteria.of(space, None, ()), trials, space.budget.max_kimg)
    return [estimate.trainings[0].configuration for estimate in near]


def _as_trial(number: int, prior: Prior, space: Space) -> TrialRecord:
    """Convert a result of an earlier study to a completed trial with ``number``."""
    return TrialRecord(
        number,
        prior.params,
        seed=0,
        reports=(Report(space.budget.max_kimg, prior.metrics),),
        outcome=Outcome.COMPLETED,
        ended=0.0,
        sampled=space.sampled(prior.params),
    )
