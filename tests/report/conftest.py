"""Text of tables as a terminal shows it, and a study whose finalists were rescored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from gansearch.record import Score, StudyRecord
from gansearch.report.front.selection import finalists
from gansearch.space import Space

Make = Callable[..., tuple[Space, StudyRecord]]


@pytest.fixture
def printed() -> Callable[..., str]:
    """Renders a table or a group of them, at a width in characters."""

    def render(renderable: object, width: int = 120) -> str:
        console = Console(file=StringIO(), width=width)
        console.print(renderable)
        text: str = console.file.getvalue()  # type: ignore[attr-defined]
        return text

    return render


@pytest.fixture
def rescored(make_study: Make) -> tuple[Space, StudyRecord]:
    """A study whose finalists were rescored, except the last one."""
    space, record = make_study(60)
    chosen = [trial.number for trial in finalists(space, record)[:-1]]
    trials = list(record.trials)
    for chosen_number in chosen:
        value = trials[chosen_number].last.metrics["fd_digits"]  # type: ignore[union-attr]
        score = Score(30.0, (1, 2), (0.8 * value, 0.9 * value), "10000 images [ab]", 0.0)
        trials[chosen_number] = replace(trials[chosen_number], scores={"fd_digits": score})
    return space, replace(record, trials=tuple(trials))
