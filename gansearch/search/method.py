"""The search method of a study: a sampler and a stopping rule over one shared surrogate."""

from __future__ import annotations

from typing import Protocol

from gansearch.record import TrialRecord
from gansearch.search.bayesian.model import SharedModel
from gansearch.search.samplers.registry import SAMPLERS
from gansearch.search.stopping.registry import STOPPING_RULES
from gansearch.space import Space


class TrialObserver(Protocol):
    """Observes trials, as :class:`gansearch.search.samplers.base.Sampler` describes."""

    def add(self, trial: TrialRecord) -> None:
        """Observe a trial that was put on record."""

    def report(self, trial: TrialRecord) -> None:
        """Observe the last report of an added trial, which is new."""

    def end(self, trial: TrialRecord) -> None:
        """Observe the end of an added trial."""


class SearchMethod:
    """The sampler and the stopping rule of a study.

    A method whose sampler and stopping rule need no surrogate, such as ``grid`` with ``none``,
    builds none.

    Args:
        space: the search space; ``search.sampler`` and ``search.stopping`` name the method.

    Attributes:
        sampler: proposes configurations.
        stopping: stops trials at rungs.
        observers: what observes the trials, in this order: the surrogate if there is one, and the
            sampler.

    Raises:
        StudyError: a grid has a continuous range or too many points.
    """

    def __init__(self, space: Space) -> None:
        shared = SharedModel(space)
        self.sampler = SAMPLERS[space.search.sampler](space, shared)
        self.stopping = STOPPING_RULES[space.search.stopping](space, shared)
        self.observers: tuple[TrialObserver, ...] = (*shared.built, self.sampler)
