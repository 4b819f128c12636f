"""Progress of a study, and its news since the last look."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from gansearch.record import Outcome, Score, StudyRecord, TrialRecord
from gansearch.report.front.estimates import Interval, scores_of
from gansearch.report.front.replicates import estimates_of
from gansearch.report.tables import with_interval
from gansearch.text.readable import number

if TYPE_CHECKING:
    from gansearch.space import Space

HEARTBEAT_SECONDS = 60.0
"""Seconds without news after which a line says that the study is still running."""

COLOURS = {
    "running": "cyan",
    Outcome.COMPLETED: "green",
    Outcome.STOPPED: "yellow",
    Outcome.DIVERGED: "magenta",
    Outcome.OUT_OF_MEMORY: "red",
    Outcome.FAILED: "red",
}


@dataclass(frozen=True)
class Progress:
    """Progress of a study at one moment.

    Attributes:
        states: number of trials by outcome, and ``running``.
        rungs: number of trials that reached each rung, by kimg.
        best: for each objective, the best value of a completed configuration, averaged over its
            trainings, and the first of its trials.
        kimg: real images shown over all trials, in thousands.
        ended: trials of the budget that have an outcome; repeated trainings do not count.
        expected_kimg: expected kimg of the whole study, extrapolated from the trials so far.
    """

    states: dict[str, int]
    rungs: dict[float, int]
    best: dict[str, tuple[float, TrialRecord]]
    kimg: float
    ended: int
    expected_kimg: float

    @classmethod
    def of(cls, space: Space, record: StudyRecord) -> Progress:
        """Compute the progress from a record."""
        reached = [trial.last.kimg if trial.last else 0.0 for trial in record.trials]
        ended = sum(t.outcome is not None for t in record.trials if t.replicates is None)
        repeating = sum(t.outcome is None for t in record.trials if t.replicates is not None)
        full = space.budget.max_kimg
        spent = [kimg for kimg, t in zip(reached, record.trials, strict=True) if t.outcome]
        typical = sum(spent) / len(spent) if spent else full
        left = typical * max(space.budget.trials - ended, 0) + full * repeating
        by_number = {trial.number: trial for trial in record.trials}
        estimates = estimates_of(record.trials, full)
        best = {}
        for objective in space.objectives:
            done = {
                number: estimate.report.metrics[objective.metric]
                for number, estimate in estimates.items()
                if objective.metric in estimate.report.metrics
            }
            if done:
                losses = {number: objective.minimised(value) for number, value in done.items()}
                number = min(losses, key=losses.__getitem__)
                best[objective.metric] = done[number], by_number[number]
        return cls(
            states=Counter(str(t.outcome or "running") for t in record.trials),
            rungs={
                rung: sum(kimg >= rung for kimg in reached) for rung in (*space.budget.rungs, full)
            },
            best=best,
            kimg=sum(reached),
            ended=ended,
            expected_kimg=sum(spent) + left,
        )


class News:
    """News of a study at each look, as lines of text.

    Args:
        space: space of the study.
        panel: whether a panel shows the state besides. Otherwise lines show it: the start, rungs
            that trials reach, and one line a minute without news.
    """

    def __init__(self, space: Space, *, panel: bool) -> None:
        self.space = space
        self._panel = panel
        self._start: tuple[float, float] | None = None  # seconds, kimg
        self._spoke = 0.0  # time of the last line, in seconds
        self._announced: set[int] = set()
        self._reached: dict[int, float] = {}
        self._scored: dict[int, Mapping[str, Score]] = {}
        self._ending = ""

    def look(self, record: StudyRecord) -> tuple[Progress, list[Text]]:
        """Return the progress, and the lines that are new since the last call."""
        progress = Progress.of(self.space, record)
        lines: list[Text] = []
        now = time.monotonic()
        if self._start is None:
            self._start = now, progress.kimg
            self._announced = {t.number for t in record.trials if t.outcome}
            self._reached = {t.number: t.last.kimg for t in record.trials if t.last}
            self._scored = {t.number: t.scores for t in record.trials}
            self._spoke = now
            if not self._panel:
                lines.append(self._beginning(record, progress))
        lines += self._new(record, progress)
        if record.ending and record.ending != self._ending:
            lines.append(Text.assemble(("ended", "bold"), f": {record.ending}"))
            self._ending = record.ending
        if not (lines or self._panel) and now - self._spoke >= HEARTBEAT_SECONDS:
            lines.append(self._heartbeat(record, progress))
        if lines:
            self._spoke = now
        return progress, lines

    def time_left(self, progress: Progress) -> str:
        """Estimate the remaining time; empty if unknown.

        It follows from the pace since the first look, and never exceeds the wall-clock budget.
        """
        if self._start is None:
            return ""
        seconds, kimg = time.monotonic() - self._start[0], progress.kimg - self._start[1]
        limit = self.space.budget.wall_clock_s
        clock = float("inf") if limit is None else max(limit - seconds, 0.0)
        if kimg <= 0 or progress.ended == 0:
            return "" if limit is None else f"at most {duration(clock)}"
        return duration(
            min(max(progress.expected_kimg - progress.kimg, 0.0) * seconds / kimg, clock)
        )

    def _new(self, record: StudyRecord, progress: Progress) -> Iterator[Text]:
        for trial in record.trials:
            if trial.outcome and trial.number not in self._announced:
                self._announced.add(trial.number)
                yield self._line(trial, progress)
                yield from self._means(trial, record) if trial.replicates is not None else ()
            elif not trial.outcome and trial.last:
                if trial.last.kimg > self._reached.get(trial.number, 0.0) and not self._panel:
                    yield self._line(trial, progress)
                self._reached[trial.number] = trial.last.kimg
            if trial.scores and trial.scores != self._scored.get(trial.number):
                self._scored[trial.number] = trial.scores
                yield _scores_line(trial)

    def _beginning(self, record: StudyRecord, progress: Progress) -> Text:
        budget = self.space.budget
        done = f", {progress.ended} have ended" if progress.ended else ""
        rungs = ", ".join(f"{rung:g}" for rung in budget.rungs)
        clock = budget.wall_clock_s
        return Text.assemble(
            ("study ", "dim"),
            (record.name, "bold"),
            f": {budget.trials} trials of {budget.max_kimg:g} kimg{done}"
            f"{f'; rungs at {rungs} kimg' if rungs else ''}"
            f"{'' if clock is None else f'; at most {duration(clock)}'}",
        )

    def _heartbeat(self, record: StudyRecord, progress: Progress) -> Text:
        running = [t for t in record.trials if t.outcome is None]
        at = ", ".join(
            f"trial {t.number} at {t.last.kimg if t.last else 0:g} kimg" for t in running[:4]
        )
        more = f" and {len(running) - 4} more" if len(running) > 4 else ""
        return Text.assemble(
            self._count(progress), f"{len(running)} at work: {at}{more}", self._left(progress)
        )

    def _count(self, progress: Progress) -> Text:
        return Text(f"[{progress.ended}/{self.space.budget.trials}] ", "dim")

    def _left(self, progress: Progress) -> Text:
        left = self.time_left(progress)
        return Text(f"  {left} left" if left else "", "dim")

    def _line(self, trial: TrialRecord, progress: Progress) -> Text:
        values = "  ".join(
            f"{o.metric} {number(trial.last.metrics[o.metric])}"
            for o in self.space.objectives
            if trial.last and o.metric in trial.last.metrics
        )
        at = f" at {trial.last.kimg:g} kimg" if trial.last else ""
        reason = "" if trial.outcome is Outcome.COMPLETED else f" ({trial.reason})"
        outcome = trial.outcome or "running"
        again = "" if trial.replicates is None else f"(trial {trial.replicates} again) "
        return Text.assemble(
            self._count(progress),
            f"trial {trial.number} {trial.params.get('variant', '')} {again}",
            (str(outcome), COLOURS[outcome]),
            f"{at}{reason if trial.reason else ''}  {values}",
            self._left(progress),
        )

    def _means(self, trial: TrialRecord, record: StudyRecord) -> Iterator[Text]:
        """Line with the new means of a configuration that was trained again."""
        alike = (t for t in record.trials if t.configuration == trial.configuration)
        for first, estimate in estimates_of(alike, self.space.budget.max_kimg).items():
            metrics = estimate.report.metrics
            means = {
                o.metric: estimate.intervals.get(o.metric, Interval(metrics[o.metric], None))
                for o in self.space.objectives
                if o.metric in metrics
            }
            values = "  ".join(f"{name} {with_interval(mean)}" for name, mean in means.items())
            failed = f", {estimate.failures} failed" if estimate.failures else ""
            count = f"n = {len(estimate.trainings)}{failed}"
            yield Text.assemble(f"trial {first} ", ("in the mean", "cyan"), f" ({count})  {values}")


def ending(space: Space, record: StudyRecord, why: str, resume: str) -> str:
    """Describe why a run of a study ended and what is left to do.

    Args:
        space: space of the study.
        record: record of the study at its end.
        why: reason for an early end, if any.
        resume: command that resumes the study.
    """
    unfinished = sum(trial.outcome is None for trial in record.trials)
    ended, trials = Progress.of(space, record).ended, space.budget.trials
    if not unfinished and ended >= trials:
        return f"all {trials} trials have their outcome"
    if not unfinished and not why:
        return f"the space has no more than {ended} configurations"
    done = f"{ended} of {trials} trials ended, {unfinished} unfinished"
    return f"{why or 'the search broke off'} with {done}; `{resume}` goes on"


def _scores_line(trial: TrialRecord) -> Text:
    means = {metric: Interval.of(score.values) for metric, score in scores_of(trial).items()}
    values = "  ".join(f"{metric} {with_interval(mean)}" for metric, mean in means.items())
    return Text.assemble(f"trial {trial.number} ", ("scored again", "cyan"), f"  {values}")


def duration(seconds: float) -> str:
    """``3725.0`` → ``1h 02m``: two units at most."""
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {whole:02d}s" if minutes else f"{whole}s"
