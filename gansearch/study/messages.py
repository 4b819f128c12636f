"""Lines of text about the progress of a study, for terminals and logs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rich.text import Text

from gansearch.record import Outcome, Score, StudyRecord, TrialRecord
from gansearch.report.front.estimates import Interval, scores_of
from gansearch.report.front.replicates import estimates_of
from gansearch.report.tables import with_interval
from gansearch.study.progress import Progress
from gansearch.text.readable import number

if TYPE_CHECKING:
    from gansearch.space import Space

HEARTBEAT_SECONDS = 60.0
"""Seconds without another line after which one says that the study is still running."""

COLOURS = {
    "running": "cyan",
    Outcome.COMPLETED: "green",
    Outcome.STOPPED: "yellow",
    Outcome.DIVERGED: "magenta",
    Outcome.OUT_OF_MEMORY: "red",
    Outcome.FAILED: "red",
}
"""Colours of trials by outcome, and of running trials."""


class ProgressMessages:
    """Lines of text about what changed in a study since the last call.

    Args:
        space: space of the study.
        panel: whether a panel shows the state besides. Otherwise further lines show it: the start,
            the rungs that trials reach, and one line a minute if nothing else changes.
    """

    def __init__(self, space: Space, *, panel: bool) -> None:
        self.space = space
        self._panel = panel
        self._start: tuple[float, float] | None = None  # seconds, kimg
        self._last_line = 0.0  # time of the last line, in seconds
        self._announced: set[int] = set()
        self._reached: dict[int, float] = {}
        self._scored: dict[int, Mapping[str, Score]] = {}
        self._ending = ""

    def new(self, record: StudyRecord) -> tuple[Progress, list[Text]]:
        """Return the progress, and the lines that are new since the last call."""
        progress = Progress.of(self.space, record)
        lines: list[Text] = []
        now = time.monotonic()
        if self._start is None:
            self._start = now, progress.kimg
            self._announced = {t.number for t in record.trials if t.outcome}
            self._reached = {t.number: t.last.kimg for t in record.trials if t.last}
            self._scored = {t.number: t.scores for t in record.trials}
            self._last_line = now
            if not self._panel:
                lines.append(self._first_line(record, progress))
        lines += self._changes(record, progress)
        if record.ending and record.ending != self._ending:
            lines.append(Text.assemble(("ended", "bold"), f": {record.ending}"))
            self._ending = record.ending
        if not (lines or self._panel) and now - self._last_line >= HEARTBEAT_SECONDS:
            lines.append(self._running_line(record, progress))
        if lines:
            self._last_line = now
        return progress, lines

    def time_left(self, progress: Progress) -> str:
        """Estimate the remaining time; empty if unknown.

        It follows from the pace since the first call of :meth:`new`, and never exceeds the
        wall-clock budget.
        """
        if self._start is None:
            return ""
        seconds, kimg = time.monotonic() - self._start[0], progress.kimg - self._start[1]
        limit = self.space.budget.wall_clock_s
        limit_left = float("inf") if limit is None else max(limit - seconds, 0.0)
        if kimg <= 0 or progress.ended == 0:
            return "" if limit is None else f"at most {duration(limit_left)}"
        expected = max(progress.expected_kimg - progress.kimg, 0.0) * seconds / kimg
        return duration(min(expected, limit_left))

    def _changes(self, record: StudyRecord, progress: Progress) -> Iterator[Text]:
        for trial in record.trials:
            if trial.outcome and trial.number not in self._announced:
                self._announced.add(trial.number)
                yield self._trial_line(trial, progress)
                yield from self._mean_lines(trial, record) if trial.replicates is not None else ()
            elif not trial.outcome and trial.last:
                if trial.last.kimg > self._reached.get(trial.number, 0.0) and not self._panel:
                    yield self._trial_line(trial, progress)
                self._reached[trial.number] = trial.last.kimg
            if trial.scores and trial.scores != self._scored.get(trial.number):
                self._scored[trial.number] = trial.scores
                yield _scores_line(trial)

    def _first_line(self, record: StudyRecord, progress: Progress) -> Text:
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

    def _running_line(self, record: StudyRecord, progress: Progress) -> Text:
        running = [t for t in record.trials if t.outcome is None]
        at = ", ".join(
            f"trial {t.number} at {t.last.kimg if t.last else 0:g} kimg" for t in running[:4]
        )
        more = f" and {len(running) - 4} more" if len(running) > 4 else ""
        return Text.assemble(
            self._count(progress), f"{len(running)} running: {at}{more}", self._left(progress)
        )

    def _count(self, progress: Progress) -> Text:
        return Text(f"[{progress.ended}/{self.space.budget.trials}] ", "dim")

    def _left(self, progress: Progress) -> Text:
        left = self.time_left(progress)
        return Text(f"  {left} left" if left else "", "dim")

    def _trial_line(self, trial: TrialRecord, progress: Progress) -> Text:
        values = "  ".join(
            f"{o.metric} {number(trial.last.metrics[o.metric])}"
            for o in self.space.objectives
            if trial.last and o.metric in trial.last.metrics
        )
        at = f" at {trial.last.kimg:g} kimg" if trial.last else ""
        reason = "" if trial.outcome is Outcome.COMPLETED else f" ({trial.reason})"
        outcome = trial.outcome or "running"
        repeated = "" if trial.replicates is None else f"(repeats trial {trial.replicates}) "
        return Text.assemble(
            self._count(progress),
            f"trial {trial.number} {trial.params.get('variant', '')} {repeated}",
            (str(outcome), COLOURS[outcome]),
            f"{at}{reason if trial.reason else ''}  {values}",
            self._left(progress),
        )

    def _mean_lines(self, trial: TrialRecord, record: StudyRecord) -> Iterator[Text]:
        """Yield a line with the new means of a configuration that was trained again."""
        alike = (t for t in record.trials if t.configuration == trial.configuration)
        for first, estimate in estimates_of(alike, self.space.budget.max_kimg).items():
            metrics = estimate.report.metrics
            means = {
                o.metric: estimate.intervals.get(o.metric, Interval(metrics[o.metric], None))
                for o in self.space.objectives
                if o.metric in metrics
            }
            values = "  ".join(f"{name} {with_interval(mean)}" for name, mean in means.items())
            count = len(estimate.trainings)
            failed = f" ({estimate.failures} failed)" if estimate.failures else ""
            trainings = f" of {count} training{'s' if count > 1 else ''}{failed}"
            yield Text.assemble(f"trial {first} ", ("mean", "cyan"), f"{trainings}  {values}")


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
        return f"all {trials} trials have ended"
    if not unfinished and not why:
        return f"the space has only {ended} configurations"
    done = f"{ended} of {trials} trials ended, {unfinished} unfinished"
    return f"{why or 'the search ended early'} with {done}; continue with `{resume}`"


def _scores_line(trial: TrialRecord) -> Text:
    means = {metric: Interval.of(score.values) for metric, score in scores_of(trial).items()}
    values = "  ".join(f"{metric} {with_interval(mean)}" for metric, mean in means.items())
    return Text.assemble(f"trial {trial.number} ", ("rescored", "cyan"), f"  {values}")


def duration(seconds: float) -> str:
    """Format a duration in at most two units: ``3725.0`` → ``1h 02m``."""
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {whole:02d}s" if minutes else f"{whole}s"
