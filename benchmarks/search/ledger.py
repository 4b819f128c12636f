"""A record kept for methods that keep none, so that a simulation can drive them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.search.feasibility import is_full
from gansearch.search.policy import Ask
from gansearch.search.samplers.optuna import derive_seed
from gansearch.search.simulation.simulate import Clock
from gansearch.settings import Params
from gansearch.space import Space


class Ledger(ABC):
    """Keeps the record for a method that does not: a base to propose, judge and learn on."""

    def __init__(self, space: Space, clock: Clock) -> None:
        self.space = space
        self.trials: dict[int, TrialRecord] = {}
        self._clock = clock

    def ask(self) -> Ask | None:
        """The next trial to run."""
        number = len(self.trials)
        if number >= self.space.budget.trials:
            return None
        seed = derive_seed(self.space, number, stream=0)
        trial = TrialRecord(number, self.propose(number), seed, started=self._clock())
        self.trials[number] = trial
        return Ask(number, trial.params, seed)

    def report(self, number: int, report: Report) -> bool:
        """Take a trial's report; ``False`` if the trial is over."""
        trial = self.trials[number]
        if trial.last is not None and trial.last.kimg >= report.kimg:
            return True  # told again after a crash
        trial = self.trials[number] = replace(trial, reports=(*trial.reports, report))
        if is_full(self.space, report.kimg):
            self.tell(number, Outcome.COMPLETED)
        elif not self.judge(trial, report):
            self.tell(number, Outcome.STOPPED)
            return False
        return True

    def tell(
        self,
        number: int,
        outcome: Outcome,
        reason: str = "",
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """A trial's process ended; the first end counts."""
        if self.trials[number].outcome is None:
            ended = {"outcome": outcome, "reason": reason, "ended": self._clock(), "tags": tags}
            self.trials[number] = replace(self.trials[number], **ended)  # type: ignore[arg-type]
            self.learn(self.trials[number])

    def record(self) -> StudyRecord:
        """The study as it stands."""
        return StudyRecord(self.space.name, "", "", 0.0, {}, tuple(self.trials.values()))

    @abstractmethod
    def propose(self, number: int) -> Params:
        """The configuration of trial ``number``."""

    def judge(self, trial: TrialRecord, report: Report) -> bool:  # noqa: ARG002 - for subclasses
        """Whether a trial goes on after its report."""
        return True

    def learn(self, trial: TrialRecord) -> None:  # noqa: B027 - not all learn
        """A trial came to its end."""
