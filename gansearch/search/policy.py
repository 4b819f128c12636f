"""The policy of a study: what to try next, what to stop at a rung, what each end means.

There is no Ray in it: Ray's searcher and scheduler are thin adaptors over one shared policy
(``search/tune.py``), and a simulator can drive the same policy on an event clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from optuna.distributions import BaseDistribution

from gansearch.config import Params
from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.space import Space


@dataclass(frozen=True)
class Ask:
    """A trial to run.

    Attributes:
        number: of the trial, 0-based.
        params: flat sampled parameters, ``variant`` among them.
        seed: of the trial's training.
        resume: the furthest report of an earlier run, whose checkpoint the trial continues from;
            ``None`` for a trial that starts.
    """

    number: int
    params: Params
    seed: int
    resume: Report | None = None


class Recorder(Protocol):
    """Where a policy's history goes; :class:`gansearch.search.storage.StudyStore` keeps it."""

    def asked(self, trial: TrialRecord, distributions: Mapping[str, BaseDistribution]) -> None:
        """A new trial was handed out."""

    def reported(self, trial: TrialRecord, report: Report) -> None:
        """A report was taken; ``trial.outcome`` says whether it ended the trial."""

    def ended(self, trial: TrialRecord) -> None:
        """A trial came to its end: nothing about it changes after this."""


class Policy:
    """Decides for one study; safe to call from several threads.

    Args:
        space: what is searched, with the budget that holds now.
        study: the record so far, with every trial of it.
        recorder: where the history goes; without one it is kept in memory only.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        space: Space,
        study: StudyRecord,
        recorder: Recorder | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        raise NotImplementedError

    def ask(self) -> Ask | None:
        """The next trial to run; ``None`` once this run has nothing more to start.

        Unfinished trials of an earlier run come first.
        """
        raise NotImplementedError

    def report(self, number: int, report: Report) -> bool:
        """Take a trial's report; ``False`` if the trial should stop.

        The same rung reported twice gets the same answer.
        """
        raise NotImplementedError

    def tell(
        self,
        number: int,
        outcome: Outcome,
        reason: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """A trial's process ended. What :meth:`report` has already decided stands."""
        raise NotImplementedError

    def record(self) -> StudyRecord:
        """The study as it stands."""
        raise NotImplementedError
