"""The protocol of a recorder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.search.policy import Policy
from gansearch.search.storage.recorder import NullRecorder, Recorder
from gansearch.space import Space


@dataclass
class Listed:
    """Notes what it is given."""

    calls: list[tuple[str, int, Outcome | None]] = field(default_factory=list)

    def record_trial(self, trial: TrialRecord) -> None:
        self.calls.append(("trial", trial.number, trial.outcome))

    def record_report(self, trial: TrialRecord, report: Report) -> None:
        self.calls.append((f"report {report.kimg:g}", trial.number, trial.outcome))

    def record_end(self, trial: TrialRecord) -> None:
        self.calls.append(("end", trial.number, trial.outcome))


def run(
    recorder: Recorder, make_space: Callable[..., Space], report: Callable[..., Report]
) -> StudyRecord:
    empty = StudyRecord("s", "", "", 0.0, {}, ())
    policy = Policy(make_space(stopping="none"), empty, recorder, clock=iter(range(99)).__next__)
    assert policy.ask() is not None
    for kimg in (5, 30):
        policy.report(0, report(kimg))
    policy.tell(0, Outcome.COMPLETED)
    assert policy.ask() is not None
    policy.tell(1, Outcome.DIVERGED, "nan")
    return policy.record()


def test_a_recorder_gets_trials_reports_and_ends_in_their_order(
    make_space: Callable[..., Space], report: Callable[..., Report]
) -> None:
    recorder = Listed()
    run(recorder, make_space, report)
    assert recorder.calls == [
        ("trial", 0, None),
        ("report 5", 0, None),
        ("report 30", 0, Outcome.COMPLETED),
        ("end", 0, Outcome.COMPLETED),
        ("trial", 1, None),
        ("end", 1, Outcome.DIVERGED),
    ]


def test_a_study_without_a_record_decides_the_same(
    make_space: Callable[..., Space], report: Callable[..., Report]
) -> None:
    assert run(NullRecorder(), make_space, report) == run(Listed(), make_space, report)
