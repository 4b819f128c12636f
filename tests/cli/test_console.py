"""What a person sees while a study runs, on a terminal and elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gansearch.cli.console import ProgressView
from gansearch.record import Outcome, Report, Score, StudyRecord, TrialRecord
from gansearch.space import Space
from gansearch.study import progress as module
from gansearch.study.progress import HEARTBEAT_SECONDS, Progress, duration, ending

Make = Callable[..., tuple[Space, StudyRecord]]


def trial(number: int, *fids: float, **fields: Any) -> TrialRecord:
    """A trial that reported once a rung at 5, 10 and 30 kimg."""
    rungs = zip((5.0, 10.0, 30.0), fids, strict=False)
    reports = tuple(Report(kimg, {"fd_digits": f, "seconds_per_kimg": 1.0}) for kimg, f in rungs)
    fields = {"params": {"variant": "gan", "d_steps": 1 + number}, "seed": number, **fields}
    return TrialRecord(number, reports=reports, **fields)


TRIALS = (
    trial(0, 90, 50, 20, outcome=Outcome.COMPLETED),
    trial(1, 95, outcome=Outcome.STOPPED, reason="fd_digits 95 at 5 kimg is not among the best"),
    trial(2, 80, 40, 10, outcome=Outcome.COMPLETED),
    trial(3, 3, outcome=Outcome.DIVERGED, reason="nan [at 7 kimg]"),
    trial(4, 70, 60),
    trial(5),
)


@pytest.fixture
def study(make_study: Make) -> tuple[Space, StudyRecord]:
    space, record = make_study(0)  # 40 trials of 30 kimg, rungs at 5 and 10
    return space, replace(record, trials=TRIALS)


class Watched:
    """A view whose output and clock a test has."""

    def __init__(
        self, space: Space, monkeypatch: pytest.MonkeyPatch, *, terminal: bool, width: int = 200
    ) -> None:
        self.now = 100.0
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)
        self._file = StringIO()
        self._console = Console(
            file=self._file, force_terminal=terminal, width=width, color_system=None
        )
        self.view = ProgressView(space, self._console)

    def printed(self) -> str:
        """What was printed since the last look."""
        text = self._file.getvalue()
        self._file.seek(0)
        self._file.truncate()
        return text


def test_progress_is_that_of_the_record(study: tuple[Space, StudyRecord]) -> None:
    progress = Progress.of(*study)
    assert progress.states == {"completed": 2, "stopped": 1, "diverged": 1, "running": 2}
    assert progress.rungs == {5.0: 5, 10.0: 3, 30.0: 2}
    assert progress.ended == 4
    assert progress.kimg == 30 + 5 + 30 + 5 + 10 + 0
    # Those that ended took 70 kimg, 17.5 each; 36 more of 40 are to end.
    assert progress.expected_kimg == pytest.approx(70 + 36 * 17.5)
    value, best = progress.best["fd_digits"]
    assert (value, best.number) == (10, 2)  # 3 is not from a completed trial
    assert "peak_memory_mib" not in progress.best  # no trial has it


def test_progress_of_what_has_not_begun(study: tuple[Space, StudyRecord]) -> None:
    space, record = study
    progress = Progress.of(space, replace(record, trials=()))
    assert (progress.states, progress.best, progress.kimg, progress.ended) == ({}, {}, 0, 0)
    assert progress.rungs == {5.0: 0, 10.0: 0, 30.0: 0}
    assert progress.expected_kimg == 40 * 30


def test_the_best_is_the_greatest_where_that_is_better(study: tuple[Space, StudyRecord]) -> None:
    space, record = study
    up = tuple(o.model_copy(update={"direction": "maximize"}) for o in space.objectives)
    best = Progress.of(space.model_copy(update={"objectives": up}), record).best["fd_digits"]
    assert best[0] == 20


def test_without_a_terminal_each_end_is_a_line_told_once(
    study: tuple[Space, StudyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    space, record = study
    watched = Watched(space, monkeypatch, terminal=False)
    watched.view.update(replace(record, trials=()))
    assert watched.printed() == ("study synthetic-1: 40 trials of 30 kimg; rungs at 5, 10 kimg\n")
    watched.now += 30.0
    watched.view.update(record)
    first, second, third, fourth, fifth = watched.printed().splitlines()
    left = "3m 52s left"  # 80 of 700 kimg took 30 s, so the other 620 take 232.5
    assert first == (
        f"[4/40] trial 0 gan completed at 30 kimg  fd_digits 20  seconds_per_kimg 1  {left}"
    )
    assert "trial 1 gan stopped at 5 kimg (fd_digits 95 at 5 kimg is not among" in second
    assert "trial 2" in third
    assert "diverged at 5 kimg (nan [at 7 kimg])" in fourth  # no markup
    assert fifth.startswith("[4/40] trial 4 gan running at 10 kimg  fd_digits 60")
    watched.view.update(record)
    watched.view.close(record)
    assert watched.printed() == ""


def test_a_resumed_study_tells_what_is_new(
    study: tuple[Space, StudyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    space, record = study
    watched = Watched(space, monkeypatch, terminal=False)
    watched.view.update(record)
    watched.printed()
    ended = replace(record.trials[5], outcome=Outcome.FAILED, reason="ValueError: no")
    watched.view.close(replace(record, trials=(*record.trials[:5], ended)))
    (line,) = watched.printed().splitlines()
    assert line.startswith("[5/40] trial 5 gan failed (ValueError: no)")
    assert "left" not in line  # no kimg since the start to judge the speed by


def test_scores_are_told_as_they_come(
    study: tuple[Space, StudyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    space, record = study
    watched = Watched(space, monkeypatch, terminal=False)
    watched.view.update(record)
    watched.printed()
    score = Score(30.0, (1, 2), (10.0, 11.0), "10000 images", 0.0)
    scored = replace(record.trials[2], scores={"fd_digits": score})
    again = replace(record, trials=(*record.trials[:2], scored, *record.trials[3:]))
    watched.view.update(again)
    watched.view.close(again)
    assert watched.printed() == "trial 2 scored again  fd_digits 10.5 ± 6.4\n"


def test_a_repeated_training_comes_with_the_mean(
    study: tuple[Space, StudyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    space, record = study
    watched = Watched(space, monkeypatch, terminal=False)
    watched.view.update(record)
    watched.printed()
    whose: dict[str, Any] = {"params": record.trials[2].params, "replicates": 2}
    again = trial(6, 80, 40, 14, outcome=Outcome.COMPLETED, **whose)
    lost = trial(7, 80, outcome=Outcome.DIVERGED, reason="nan", **whose)
    record = replace(record, trials=(*record.trials, again, lost, trial(8, 80, **whose)))
    watched.view.update(record)
    first, mean, *_ = watched.printed().splitlines()
    assert "trial 6 gan (trial 2 again) completed" in first
    assert first.startswith("[4/40]")  # of the budget's own
    assert mean.startswith("trial 2 in the mean (n = 2, 1 failed)  fd_digits 12 ± 25")
    progress = Progress.of(space, record)
    assert progress.best["fd_digits"][0] == 12
    # Those that ended took 105 kimg, 17.5 each; 36 more of 40 are to end, and one again.
    assert progress.expected_kimg == pytest.approx(70 + 35 + 36 * 17.5 + 30)


def test_on_a_terminal_a_panel_is_painted_over(
    study: tuple[Space, StudyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    space, record = study
    watched = Watched(space, monkeypatch, terminal=True)
    watched.view.update(replace(record, trials=()))
    panel = watched.printed()
    assert "study synthetic-1" in panel
    assert "estimating" in panel
    watched.now += 30.0
    watched.view.update(record)
    panel = watched.printed()
    assert "2 running  2 completed  1 stopped  1 diverged" in panel
    assert "5 kimg: 5  10 kimg: 3  30 kimg: 2" in panel
    assert "10  trial 2" in panel
    assert "trial 0 gan completed at 30 kimg" in panel  # above the panel, and it stays
    assert "\x1b[1A\x1b[2K" in panel  # the panel before was erased
    watched.view.close(record)
    assert "\x1b[?25h" in watched.printed()  # the cursor is back


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_panel_fits_its_terminal(
    study: tuple[Space, StudyRecord], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    space, record = study
    watched = Watched(space, monkeypatch, terminal=True, width=width)
    watched.view.update(record)
    lines = [line.rstrip() for line in watched.printed().splitlines()]
    bar = next(n for n, line in enumerate(lines) if set(line) & set("━╸╺─"))
    assert set(lines[bar].strip()) <= set("━╸╺─ ")  # nothing is glued to it
    assert lines[bar + 1].startswith("trials")
    assert "2 running" in lines[bar + 1]
    assert max(map(len, lines)) <= width


def test_a_study_at_work_is_heard_of(
    study: tuple[Space, StudyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    space, record = study
    watched = Watched(space, monkeypatch, terminal=False)
    watched.view.update(record)
    watched.printed()
    watched.now += HEARTBEAT_SECONDS - 1
    watched.view.update(record)
    assert watched.printed() == ""
    watched.now += 1
    watched.view.update(record)
    assert watched.printed() == "[4/40] 2 at work: trial 4 at 10 kimg, trial 5 at 0 kimg\n"
    watched.now += HEARTBEAT_SECONDS - 1
    watched.view.update(record)
    assert watched.printed() == ""


def test_the_time_left_ends_with_the_wall_clock(
    study: tuple[Space, StudyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    space, record = study
    budget = space.budget.model_copy(update={"wall_clock_s": 100.0})
    watched = Watched(space.model_copy(update={"budget": budget}), monkeypatch, terminal=True)
    watched.view.update(replace(record, trials=()))
    assert "at most 1m 40s" in watched.printed()
    watched.now += 30.0  # at this pace the rest takes 232 s
    watched.view.update(record)
    assert "1m 10s" in watched.printed().splitlines()[-1]


@pytest.mark.parametrize("terminal", [True, False])
def test_it_is_said_why_a_study_ended(
    study: tuple[Space, StudyRecord], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    space, record = study
    watched = Watched(space, monkeypatch, terminal=terminal)
    watched.view.update(record)
    watched.printed()
    ended = replace(record, ending="the wall clock of 20 min has run out")
    watched.view.update(ended)
    watched.view.close(ended)
    printed = watched.printed()
    assert printed.count("ended: the wall clock of 20 min has run out") == 1
    assert "time left" not in printed.rpartition("study synthetic-1")[2]  # the last panel


def test_endings(study: tuple[Space, StudyRecord]) -> None:
    space, record = study
    resume = "gansearch resume s"
    done = tuple(trial for trial in record.trials if trial.outcome)
    finished = replace(record, trials=done)
    few = space.budget.model_copy(update={"trials": 4})
    assert ending(space, record, "interrupted", resume) == (
        "interrupted with 4 of 40 trials ended, 2 unfinished; `gansearch resume s` goes on"
    )
    assert "no more than 4 configurations" in ending(space, finished, "", resume)
    assert "the search broke off" in ending(space, record, "", resume)
    small = space.model_copy(update={"budget": few})
    late = "the wall clock of 1 min has run out"  # a moment after the last trial
    assert ending(small, finished, late, resume) == "all 4 trials have their outcome"


def test_output_that_is_gone_ends_nothing(
    study: tuple[Space, StudyRecord], caplog: pytest.LogCaptureFixture
) -> None:
    space, record = study
    full = Path("/dev/full").open("w")  # noqa: SIM115 - what is left in it cannot be written
    view = ProgressView(space, Console(file=full, width=80))
    view.update(record)
    view.close(record)
    with pytest.raises(OSError, match="No space"):
        full.close()
    (warned,) = caplog.records
    assert warned.getMessage() == (
        "progress cannot be printed (No space left on device); the study goes on"
    )
    assert not warned.exc_info


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0s"), (59.6, "1m 00s"), (61, "1m 01s"), (3725, "1h 02m"), (90000, "25h 00m")],
)
def test_durations_have_two_units_at_most(seconds: float, words: str) -> None:
    assert duration(seconds) == words
