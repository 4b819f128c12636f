"""The contract of registered stopping rules, and the message when one breaks it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.search.policy import Policy
from gansearch.search.stopping.registry import STOPPING_RULES
from gansearch.space import Space

MakeSpace = Callable[..., Space]
Check = Callable[..., StudyRecord]


@pytest.fixture(params=sorted(STOPPING_RULES))
def name(request: pytest.FixtureRequest) -> str:
    """Each registered stopping rule."""
    return str(request.param)


def test_a_resumed_study_stops_what_the_uninterrupted_one_does(
    name: str, small_space: MakeSpace, resumes_alike: Check
) -> None:
    record = resumes_alike(small_space(stopping=name))
    stopped = [trial for trial in record.trials if trial.outcome is Outcome.STOPPED]
    assert bool(stopped) == (name != "none")
    for trial in stopped:
        assert trial.reason
        assert trial.last is not None
        assert trial.last.kimg in (1.0, 2.0, 4.0)  # never at the full budget


def asked(policy: Policy, quality: float, kimg: float = 1.0) -> bool:
    """Start a trial and report once; whether it continues."""
    ask = policy.ask()
    assert ask is not None
    return policy.report(ask.number, report(quality, kimg))


def report(quality: float, kimg: float) -> Report:
    return Report(kimg, {"fd_digits": quality, "seconds_per_kimg": 1.0})


def test_a_lone_trial_is_never_stopped(name: str, small_space: MakeSpace) -> None:
    policy = Policy(small_space(stopping=name), StudyRecord("s", "", "", 0.0, {}, ()))
    assert asked(policy, 1e6)


def test_a_repeated_report_gets_the_first_answer(name: str, small_space: MakeSpace) -> None:
    policy = Policy(small_space(stopping=name), StudyRecord("s", "", "", 0.0, {}, ()))
    answers = [asked(policy, quality) for quality in (5.0, 4.0, 9.0, 3.0, 8.0, 2.0, 7.0, 1.0)]
    again = [policy.report(number, report(50.0, 1.0)) for number in range(8)]
    assert again == answers


def test_replicates_are_neither_stopped_nor_compared(name: str, small_space: MakeSpace) -> None:
    space = small_space(stopping=name, replicates=2)
    space = space.model_copy(update={"budget": space.budget.model_copy(update={"trials": 1})})
    policy = Policy(space, StudyRecord("s", "", "", 0.0, {}, ()))
    first = policy.ask()
    assert first is not None
    for kimg in (1.0, 2.0, 4.0, 8.0):
        policy.report(first.number, report(1.0, kimg))
    policy.tell(first.number, Outcome.COMPLETED)
    replicate = policy.ask()
    assert replicate is not None
    assert all(policy.report(replicate.number, report(1e6, kimg)) for kimg in (1.0, 2.0, 4.0))


class Counting:
    """A wrong rule: it counts its own calls."""

    def __init__(self) -> None:
        self._calls = 0

    def reason_to_stop(self, trial: TrialRecord) -> str | None:
        self._calls += 1
        return "the fifth" if self._calls % 5 == 0 else None

    def restore(self, trial: TrialRecord, *, continues: bool) -> None:
        pass


def test_a_rule_with_state_of_its_own_fails_with_the_reason(
    small_space: MakeSpace, resumes_alike: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STOPPING_RULES, "counting", lambda *_: Counting())  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="rule 'counting' keeps state that is not on record"):
        resumes_alike(small_space(stopping="counting"))
