"""Progress of a running study: a live panel on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gansearch.record import StudyRecord
from gansearch.study.messages import COLOURS, ProgressMessages
from gansearch.study.progress import Progress
from gansearch.text.readable import number

if TYPE_CHECKING:
    from gansearch.space import Space

log = logging.getLogger(__name__)

BAR_WIDTH = 60
"""Width of the bar in columns, if the terminal is wide enough."""


class ProgressView:
    """Observer that prints the progress of a study: lines, and on a terminal a live panel.

    Args:
        space: space of the study.
        console: console to print on; there is a live panel if it is a terminal.
    """

    def __init__(self, space: Space, console: Console) -> None:
        self.console = console
        self._messages = ProgressMessages(space, panel=console.is_terminal)
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._silent = False

    def update(self, record: StudyRecord) -> None:
        """Show the current state; after an output error, log it once and stay silent."""
        if self._silent:
            return
        try:
            self._show(record)
        except OSError as error:
            self._silent = True
            log.warning("progress cannot be printed (%s); the study continues", error.strerror)

    def close(self, record: StudyRecord) -> None:
        """Show the final state and restore the terminal."""
        self.update(record)
        if self._live and not self._silent:
            self._live.stop()

    def _show(self, record: StudyRecord) -> None:
        progress, lines = self._messages.new(record)
        if self._live:
            self._live.start()
        for line in lines:
            self.console.print(line, highlight=False)
        if self._live:
            self._live.update(self._panel(record, progress), refresh=True)

    def _panel(self, record: StudyRecord, progress: Progress) -> Group:
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
        if not record.ending:
            table.add_row("time left", self._messages.time_left(progress) or "estimating")
        bar = ProgressBar(
            total=max(progress.expected_kimg, 1e-9),
            completed=progress.kimg,
            width=min(BAR_WIDTH, self.console.width),
        )
        title = Text(f"study {record.name}", style="bold")
        return Group(title, Padding(bar, 0), table)  # a bar does not end its line
