"""The progress of a study on a terminal and elsewhere."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from gansearch.cli.progress import ProgressView
from gansearch.record import StudyRecord
from gansearch.space import Space
from gansearch.study import messages

Study = tuple[Space, StudyRecord]


class TimedView:
    """A view whose output and clock a test controls."""

    def __init__(
        self, space: Space, monkeypatch: pytest.MonkeyPatch, *, terminal: bool, width: int = 200
    ) -> None:
        self.now = 100.0
        monkeypatch.setattr(messages.time, "monotonic", lambda: self.now)
        self._file = StringIO()
        self._console = Console(
            file=self._file, force_terminal=terminal, width=width, color_system=None
        )
        self.view = ProgressView(space, self._console)

    def printed(self) -> str:
        """Return what was printed since the last call."""
        text = self._file.getvalue()
        self._file.seek(0)
        self._file.truncate()
        return text


def test_a_file_gets_plain_lines(running_study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    space, record = running_study
    timed = TimedView(space, monkeypatch, terminal=False)
    timed.view.update(replace(record, trials=()))
    assert timed.printed() == "study synthetic-1: 40 trials of 30 kimg; rungs at 5, 10 kimg\n"
    timed.view.update(record)
    assert len(timed.printed().splitlines()) == 5
    timed.view.close(record)
    assert timed.printed() == ""


def test_a_terminal_gets_a_panel_that_is_redrawn(
    running_study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, record = running_study
    timed = TimedView(space, monkeypatch, terminal=True)
    timed.view.update(replace(record, trials=()))
    panel = timed.printed()
    assert "study synthetic-1" in panel
    assert "estimating" in panel
    timed.now += 30.0
    timed.view.update(record)
    panel = timed.printed()
    assert "2 running  2 completed  1 stopped  1 diverged" in panel
    assert "5 kimg: 5  10 kimg: 3  30 kimg: 2" in panel
    assert "10  trial 2" in panel
    assert "trial 0 gan completed at 30 kimg" in panel  # a line above the panel, which stays
    assert "\x1b[1A\x1b[2K" in panel  # the previous panel was erased
    timed.view.close(record)
    assert "\x1b[?25h" in timed.printed()  # the cursor is visible again


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_panel_fits_its_terminal(
    running_study: Study, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    space, record = running_study
    timed = TimedView(space, monkeypatch, terminal=True, width=width)
    timed.view.update(record)
    lines = [line.rstrip() for line in timed.printed().splitlines()]
    bar = next(n for n, line in enumerate(lines) if set(line) & set("━╸╺─"))
    assert set(lines[bar].strip()) <= set("━╸╺─ ")  # nothing follows it on its line
    assert lines[bar + 1].startswith("trials")
    assert "2 running" in lines[bar + 1]
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("terminal", [True, False])
def test_the_reason_of_the_end_is_printed_once(
    running_study: Study, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    space, record = running_study
    timed = TimedView(space, monkeypatch, terminal=terminal)
    timed.view.update(record)
    timed.printed()
    ended = replace(record, ending="the wall clock of 20 min has run out")
    timed.view.update(ended)
    timed.view.close(ended)
    printed = timed.printed()
    assert printed.count("ended: the wall clock of 20 min has run out") == 1
    assert "time left" not in printed.rpartition("study synthetic-1")[2]  # the last panel


def test_an_output_error_is_logged_once_and_the_study_continues(
    running_study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    space, record = running_study
    full = Path("/dev/full").open("w")  # noqa: SIM115 - its buffer cannot be flushed
    view = ProgressView(space, Console(file=full, width=80))
    view.update(record)
    view.close(record)
    with pytest.raises(OSError, match="No space"):
        full.close()
    (warned,) = caplog.records
    assert warned.getMessage() == (
        "progress cannot be printed (No space left on device); the study continues"
    )
    assert not warned.exc_info
