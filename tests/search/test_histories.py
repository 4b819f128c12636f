"""Whatever happens to a study, in whatever order: what must hold of its record."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.search.policy import Ask, Policy
from gansearch.search.storage.store import layout
from gansearch.space import Space

RUNGS = (5.0, 10.0, 30.0)

events = st.lists(
    st.one_of(
        st.tuples(st.just("ask")),
        st.tuples(st.just("report"), st.integers(0, 9), st.floats(0, 100)),
        st.tuples(st.just("report"), st.integers(0, 9), st.floats(0, 100)),
        st.tuples(st.just("repeat"), st.integers(0, 9), st.floats(0, 100)),
        st.tuples(st.just("break"), st.integers(0, 9), st.sampled_from([math.nan, math.inf])),
        st.tuples(st.just("tell"), st.integers(0, 9), st.sampled_from(list(Outcome))),
        st.tuples(st.just("flush")),
        st.tuples(st.just("kill"), st.floats(0, 1)),
    ),
    max_size=60,
)


@dataclass
class Disk:
    """A recorder whose writes reach the disk in order, each whole, up to the moment of a kill."""

    space: Space
    writes: list[tuple[int, str, Any]] = field(default_factory=list)
    flushed: int = 0

    def record_trial(self, trial: TrialRecord) -> None:
        attributes = layout.running_trial(self.space, trial).user_attrs
        self.writes.append((trial.number, "", attributes))

    def record_report(self, trial: TrialRecord, report: Report) -> None:
        self.writes.append((trial.number, *layout.report_attribute(trial, report)))

    def record_end(self, trial: TrialRecord) -> None:
        for key, value in layout.end_attributes(trial).items():
            self.writes.append((trial.number, key, value))

    def kill(self, share: float) -> None:
        """Lose the last of what was not flushed."""
        kept = self.flushed + round(share * (len(self.writes) - self.flushed))
        self.writes = self.writes[:kept]
        self.flushed = kept

    def read(self, study: StudyRecord) -> StudyRecord:
        attributes: dict[int, dict[str, Any]] = {}
        for number, key, value in self.writes:
            found = attributes.setdefault(number, {})
            found.update(value if key == "" else {key: value})
        return replace(study, trials=tuple(map(layout.trial_of, attributes.values())))


def play(
    history: list[tuple[Any, ...]],
    space: Space,
    empty: StudyRecord,
    report: Callable[..., Report],
) -> tuple[Policy, Disk]:
    disk = Disk(space)
    policy = Policy(space, empty, disk)
    safe = empty
    for event, *arguments in history:
        if event == "ask":
            asked = policy.ask()
            if asked is not None:
                assert asked.resume == policy.record().trials[asked.number].last
        elif event == "flush":
            disk.flushed, safe = len(disk.writes), policy.record()
        elif event == "kill":
            disk.kill(arguments[0])
            policy = Policy(space, disk.read(empty), disk)
            check_nothing_lost(safe, policy.record())
        elif arguments[0] < len(policy.record().trials):
            step(policy, event, *arguments, report=report)
        check(space, policy.record())
    return policy, disk


def step(
    policy: Policy, event: str, number: int, value: Any, report: Callable[..., Report]
) -> None:
    before = policy.record().trials[number]
    done = sum(kimg <= before.reached for kimg in RUNGS)
    if event == "tell":
        policy.tell(number, value)
    elif event == "repeat" and done:
        answer = policy.report(number, report(RUNGS[done - 1], value))
        assert answer == (before.outcome in (None, Outcome.COMPLETED))
    elif event == "report" and done < 3:
        goes_on = policy.report(number, report(RUNGS[done], value))
        after = policy.record().trials[number]
        assert goes_on == (after.outcome in (None, Outcome.COMPLETED))
    elif event == "break" and done < 3 and before.outcome is None:
        assert not policy.report(number, report(RUNGS[done], value))
        assert policy.record().trials[number].outcome == Outcome.DIVERGED
    after = policy.record().trials[number]
    if before.outcome is not None:  # one end a trial
        assert replace(after, tags={}) == replace(before, tags={})


def check(space: Space, record: StudyRecord) -> None:
    assert [trial.number for trial in record.trials] == list(range(len(record.trials)))
    assert len(record.trials) <= space.budget.trials
    for trial in record.trials:
        kimg = [report.kimg for report in trial.reports]
        assert kimg == sorted(set(kimg))
        assert all(math.isfinite(v) for report in trial.reports for v in report.metrics.values())
        full = 30.0 in kimg
        assert (trial.outcome == Outcome.COMPLETED) == full
        assert (layout.final_values(space, trial) is not None) == full
        assert (trial.ended is None) == (trial.outcome is None)


def check_nothing_lost(safe: StudyRecord, found: StudyRecord) -> None:
    for before, after in zip(safe.trials, found.trials, strict=False):
        assert after.params == before.params
        assert after.reports[: len(before.reports)] == before.reports
        if before.outcome is not None:
            assert after.outcome == before.outcome
    assert len(found.trials) >= len(safe.trials)


@pytest.mark.parametrize(
    ("sampler", "stopping"),
    [("random", "asha"), ("tpe", "asha"), ("nsga2", "asha"), ("pbt", "truncation, population: 4")],
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=events)
def test_invariants_hold_through_failures_kills_and_resumes(
    sampler: str,
    stopping: str,
    history: list[tuple[Any, ...]],
    make_space: Callable[..., Space],
    empty: StudyRecord,
    report: Callable[..., Report],
) -> None:
    space = make_space(sampler=sampler, stopping=stopping, trials=8)
    policy, disk = play(history, space, empty, report)
    # What is on disk decides on as what is in memory would.
    disk.kill(1.0)
    assert disk.read(empty) == policy.record()
    revived = Policy(space, disk.read(empty))
    known = len(policy.record().trials)
    for fid in range(10):
        asked = [next_new(decides, known) for decides in (policy, revived)]
        assert asked[0] == asked[1]
        if asked[0] is not None:
            number = asked[0].number
            told = [decides.report(number, report(5, fid % 3)) for decides in (policy, revived)]
            assert told[0] == told[1]


def next_new(policy: Policy, known: int) -> Ask | None:
    """The next trial that is not an interrupted one."""
    while (asked := policy.ask()) is not None and asked.number < known:
        pass
    return asked
