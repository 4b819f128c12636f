"""Lines of text about the progress of a study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gansearch.record import Outcome, Report, Score, StudyRecord, TrialRecord
from gansearch.space import Space
from gansearch.study import messages as module
from gansearch.study.messages import HEARTBEAT_SECONDS, ProgressMessages, duration, ending
from gansearch.study.progress import Progress

Study = tuple[Space, StudyRecord]


class TimedMessages:
    """Messages whose clock the test sets, as plain text."""

    def __init__(self, space: Space, monkeypatch: pytest.MonkeyPatch, *, panel: bool) -> None:
        self.now = 100.0
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)
        self.messages = ProgressMessages(space, panel=panel)

    def new(self, record: StudyRecord) -> list[str]:
        return [line.plain for line in self.messages.new(record)[1]]


@pytest.fixture
def lines_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[Space], TimedMessages]:
    return lambda space: TimedMessages(space, monkeypatch, panel=False)


Lines = Callable[[Space], TimedMessages]


def test_each_change_is_one_line(running_study: Study, lines_of: Lines) -> None:
    space, record = running_study
    lines = lines_of(space)
    first = lines.new(replace(record, trials=()))
    assert first == ["study synthetic-1: 40 trials of 30 kimg; rungs at 5, 10 kimg"]
    lines.now += 30.0
    first, second, third, fourth, fifth = lines.new(record)
    left = "3m 52s left"  # 80 of 700 kimg took 30 s, so the other 620 take 232.5
    assert first == (
        f"[4/40] trial 0 gan completed at 30 kimg  fd_digits 20  seconds_per_kimg 1  {left}"
    )
    assert "trial 1 gan stopped at 5 kimg (fd_digits 95 at 5 kimg is not among" in second
    assert "trial 2" in third
    assert "diverged at 5 kimg (nan [at 7 kimg])" in fourth  # not rich's markup
    assert fifth.startswith("[4/40] trial 4 gan running at 10 kimg  fd_digits 60")
    assert lines.new(record) == []


def test_with_a_panel_only_ends_are_lines(
    running_study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, record = running_study
    lines = TimedMessages(space, monkeypatch, panel=True)
    assert lines.new(replace(record, trials=())) == []
    assert [line.split(" gan ")[1].split()[0] for line in lines.new(record)] == [
        "completed",
        "stopped",
        "completed",
        "diverged",
    ]
    lines.now += 2 * HEARTBEAT_SECONDS
    assert lines.new(record) == []


def test_a_resumed_study_has_lines_for_new_changes_only(
    running_study: Study, lines_of: Lines
) -> None:
    space, record = running_study
    lines = lines_of(space)
    lines.new(record)
    ended = replace(record.trials[5], outcome=Outcome.FAILED, reason="ValueError: no")
    (line,) = lines.new(replace(record, trials=(*record.trials[:5], ended)))
    assert line.startswith("[5/40] trial 5 gan failed (ValueError: no)")
    assert "left" not in line  # without kimg since the start there is no pace


def test_new_scores_are_a_line(running_study: Study, lines_of: Lines) -> None:
    space, record = running_study
    lines = lines_of(space)
    lines.new(record)
    score = Score(30.0, (1, 2), (10.0, 11.0), "10000 images", 0.0)
    scored = replace(record.trials[2], scores={"fd_digits": score})
    rescored = replace(record, trials=(*record.trials[:2], scored, *record.trials[3:]))
    assert lines.new(rescored) == ["trial 2 rescored  fd_digits 10.5 ± 6.4"]
    assert lines.new(rescored) == []


def test_a_repeated_training_is_followed_by_the_mean(running_study: Study, lines_of: Lines) -> None:
    space, record = running_study
    lines = lines_of(space)
    lines.new(record)

    def repeat(number: int, *values: float, **fields: Any) -> TrialRecord:
        reports = tuple(
            Report(kimg, {"fd_digits": value, "seconds_per_kimg": 1.0})
            for kimg, value in zip((5.0, 10.0, 30.0), values, strict=False)
        )
        params = record.trials[2].params
        return TrialRecord(number, params, number, reports, replicates=2, **fields)

    completed = repeat(6, 80, 40, 14, outcome=Outcome.COMPLETED)
    diverged = repeat(7, 80, outcome=Outcome.DIVERGED, reason="nan")
    record = replace(record, trials=(*record.trials, completed, diverged, repeat(8, 80)))
    first, mean, *_ = lines.new(record)
    assert "trial 6 gan (repeats trial 2) completed" in first
    assert first.startswith("[4/40]")  # repeated trainings are not part of the budget
    assert mean.startswith("trial 2 mean of 2 trainings (1 failed)  fd_digits 12 ± 25")
    progress = Progress.of(space, record)
    assert progress.best["fd_digits"][0] == 12
    # The ended trials took 105 kimg, 17.5 each; 36 of 40 have not ended, and one is repeated.
    assert progress.expected_kimg == pytest.approx(70 + 35 + 36 * 17.5 + 30)


def test_a_minute_without_changes_is_a_line(running_study: Study, lines_of: Lines) -> None:
    space, record = running_study
    lines = lines_of(space)
    lines.new(record)
    lines.now += HEARTBEAT_SECONDS - 1
    assert lines.new(record) == []
    lines.now += 1
    assert lines.new(record) == ["[4/40] 2 running: trial 4 at 10 kimg, trial 5 at 0 kimg"]
    lines.now += HEARTBEAT_SECONDS - 1
    assert lines.new(record) == []


def test_the_time_left_is_at_most_the_wall_clock_budget(
    running_study: Study, lines_of: Lines
) -> None:
    space, record = running_study
    budget = space.budget.model_copy(update={"wall_clock_s": 100.0})
    lines = lines_of(space.model_copy(update={"budget": budget}))
    before = lines.messages.new(replace(record, trials=()))[0]
    assert lines.messages.time_left(before) == "at most 1m 40s"
    lines.now += 30.0  # at this pace the rest takes 232 s
    assert lines.messages.time_left(lines.messages.new(record)[0]) == "1m 10s"


def test_the_reason_of_the_end_is_printed_once(running_study: Study, lines_of: Lines) -> None:
    space, record = running_study
    lines = lines_of(space)
    lines.new(record)
    ended = replace(record, ending="the wall clock of 20 min has run out")
    assert lines.new(ended) == ["ended: the wall clock of 20 min has run out"]
    assert lines.new(ended) == []


def test_an_ending_says_what_is_left_and_how_to_continue(running_study: Study) -> None:
    space, record = running_study
    resume = "gansearch resume s"
    finished = replace(record, trials=tuple(trial for trial in record.trials if trial.outcome))
    small = space.model_copy(update={"budget": space.budget.model_copy(update={"trials": 4})})
    assert ending(space, record, "interrupted", resume) == (
        "interrupted with 4 of 40 trials ended, 2 unfinished; continue with `gansearch resume s`"
    )
    assert ending(space, finished, "", resume) == "the space has only 4 configurations"
    assert ending(space, record, "", resume).startswith("the search ended early with 4 of 40")
    late = "the wall clock of 1 min has run out"  # a moment after the last trial
    assert ending(small, finished, late, resume) == "all 4 trials have ended"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0s"), (59.6, "1m 00s"), (61, "1m 01s"), (3725, "1h 02m"), (90000, "25h 00m")],
)
def test_durations_have_two_units_at_most(seconds: float, words: str) -> None:
    assert duration(seconds) == words
