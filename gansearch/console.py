"""What a person sees while a study runs: a live panel on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gansearch.readable import number
from gansearch.record import Outcome, Score, StudyRecord, TrialRecord
from gansearch.report.standing import Interval, scores_of
from gansearch.report.tables import with_interval
from gansearch.report.trainings import standings_of

if TYPE_CHECKING:
    from gansearch.space import Space

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
    """A study's progress at one moment.

    Attributes:
        states: trials by outcome, and ``running``.
        rungs: for each rung in kimg, the number of trials that reached it.
        best: for each objective, the best value among configurations that completed, a mean where
            one was trained several times, and the first of its trials.
        kimg: real images shown over all trials, in thousands.
        ended: trials of the budget that have an outcome: no repeated trainings.
        expected_kimg: kimg that the whole study is expected to take, judging by the trials so far.
    """

    states: dict[str, int]
    rungs: dict[float, int]
    best: dict[str, tuple[float, TrialRecord]]
    kimg: float
    ended: int
    expected_kimg: float

    @classmethod
    def of(cls, space: Space, record: StudyRecord) -> Progress:
        """The progress that a record shows."""
        reached = [trial.last.kimg if trial.last else 0.0 for trial in record.trials]
        ended = sum(t.outcome is not None for t in record.trials if t.replicates is None)
        repeating = sum(t.outcome is None for t in record.trials if t.replicates is not None)
        full = space.budget.max_kimg
        spent = [kimg for kimg, t in zip(reached, record.trials, strict=True) if t.outcome]
        typical = sum(spent) / len(spent) if spent else full
        left = typical * max(space.budget.trials - ended, 0) + full * repeating
        by_number = {trial.number: trial for trial in record.trials}
        standings = standings_of(record.trials, full)
        best = {}
        for objective in space.objectives:
            done = [
                (standing.report.metrics[objective.metric], by_number[number])
                for number, standing in standings.items()
                if objective.metric in standing.report.metrics
            ]
            if done:
                pick = min if objective.direction == "minimize" else max
                best[objective.metric] = pick(done, key=lambda pair: pair[0])
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


class ProgressView:
    """Follows a study as an observer: repaints a panel, or prints a line for each trial that ends.

    Args:
        space: that the study searches.
        console: where to print; decides by its own terminal whether there is a live panel.
    """

    def __init__(self, space: Space, console: Console) -> None:
        self.space = space
        self.console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._announced: set[int] = set()
        self._scored: dict[int, Mapping[str, Score]] = {}
        self._start: tuple[float, float] | None = None  # seconds, kimg

    def update(self, record: StudyRecord) -> None:
        """Show the study as it stands."""
        progress = Progress.of(self.space, record)
        if self._start is None:
            self._start = (time.monotonic(), progress.kimg)
            self._announced = {t.number for t in record.trials if t.outcome}
            self._scored = {t.number: t.scores for t in record.trials}
            if self._live:
                self._live.start()
        left = self._seconds_left(progress)
        for trial in record.trials:
            if trial.outcome and trial.number not in self._announced:
                self._announced.add(trial.number)
                self.console.print(self._line(trial, progress, left), highlight=False)
                for mean in self._means(trial, record) if trial.replicates is not None else ():
                    self.console.print(mean, highlight=False)
            if trial.scores and trial.scores != self._scored.get(trial.number):
                self._scored[trial.number] = trial.scores
                self.console.print(_scores_line(trial), highlight=False)
        if self._live:
            self._live.update(self._panel(record, progress, left), refresh=True)

    def close(self, record: StudyRecord) -> None:
        """Show the study as it ended and leave the terminal as it was."""
        self.update(record)
        if self._live:
            self._live.stop()

    def _seconds_left(self, progress: Progress) -> float | None:
        if self._start is None:
            return None
        seconds, kimg = time.monotonic() - self._start[0], progress.kimg - self._start[1]
        if kimg <= 0 or progress.ended == 0:
            return None
        return max(progress.expected_kimg - progress.kimg, 0.0) * seconds / kimg

    def _line(self, trial: TrialRecord, progress: Progress, left: float | None) -> Text:
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
            (f"[{progress.ended}/{self.space.budget.trials}] ", "dim"),
            f"trial {trial.number} {trial.params.get('variant', '')} {again}",
            (str(outcome), COLOURS[outcome]),
            f"{at}{reason if trial.reason else ''}  {values}",
            (f"  {duration(left)} left" if left is not None else "", "dim"),
        )

    def _means(self, trial: TrialRecord, record: StudyRecord) -> Iterator[Text]:
        """Where a configuration that was trained again stands now."""
        alike = (t for t in record.trials if t.configuration == trial.configuration)
        for first, standing in standings_of(alike, self.space.budget.max_kimg).items():
            metrics = standing.report.metrics
            means = {
                o.metric: standing.intervals.get(o.metric, Interval(metrics[o.metric], None))
                for o in self.space.objectives
                if o.metric in metrics
            }
            values = "  ".join(f"{name} {with_interval(mean)}" for name, mean in means.items())
            lost = f", {standing.lost} lost" if standing.lost else ""
            count = f"n = {len(standing.trainings)}{lost}"
            yield Text.assemble(f"trial {first} ", ("in the mean", "cyan"), f" ({count})  {values}")

    def _panel(self, record: StudyRecord, progress: Progress, left: float | None) -> Group:
        states = Text("  ").join(
            Text(f"{progress.states[name]} {name}", style=colour)
            for name, colour in COLOURS.items()
            if progress.states.get(name)
        )
        rungs = "  ".join(f"{rung:g} kimg: {count}" for rung, count in progress.rungs.items())
        table = Table.grid(padding=(0, 2))
        table.add_row("trials", states)
        table.add_row("reached", rungs)
        for metric, (value, trial) in progress.best.items():
            table.add_row(f"best {metric}", f"{number(value)}  [dim]trial {trial.number}[/dim]")
        table.add_row("time left", duration(left) if left is not None else "estimating")
        bar = ProgressBar(
            total=max(progress.expected_kimg, 1e-9), completed=progress.kimg, width=60
        )
        return Group(Text(f"study {record.name}", style="bold"), bar, table)


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
