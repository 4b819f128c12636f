"""The plot of a study's learning curves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gansearch.record import StudyRecord
from gansearch.report import select
from gansearch.report.curves import curves_figure
from gansearch.report.style import HIGHLIGHTS, png
from gansearch.space import Space

Make = Callable[..., tuple[Space, StudyRecord]]


def test_every_reported_trial_has_a_curve_and_the_front_is_highlighted(make_study: Make) -> None:
    space, record = make_study(60)
    selection = select(space, record)
    axes = curves_figure(selection).axes[0]
    curves = [line for line in axes.lines if len(line.get_xdata()) > 2]  # type: ignore[arg-type]
    full = [t for t in record.trials if len(t.reports) > 2]
    assert len(curves) == len(full)
    highlighted = {str(line.get_color()) for line in curves} & set(HIGHLIGHTS)
    assert len(highlighted) == min(len(selection.front), len(HIGHLIGHTS))
    legend = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert selection.knee is not None
    assert legend[0].startswith(f"trial {selection.knee.number}, ")
    assert legend[0].endswith("★")


def test_trainings_of_a_configuration_share_a_colour(make_study: Make) -> None:
    space, record = make_study(20)
    first = select(space, record).front[0]
    again = replace(first, number=20, seed=1, replicates=first.number)
    repeated = replace(record, trials=(*record.trials, again))
    axes = curves_figure(select(space, repeated)).axes[0]
    values = [r.metrics["fd_digits"] for r in first.reports]
    colours = [
        line.get_color()
        for line in axes.lines
        if list(line.get_ydata()) == values  # type: ignore[arg-type]
    ]
    assert len(colours) == 2
    assert colours[0] == colours[1]
    assert colours[0] in HIGHLIGHTS


@pytest.mark.parametrize("trials", [0, 1])
def test_small_studies_have_a_plot(make_study: Make, trials: int) -> None:
    space, record = make_study(trials)
    assert png(curves_figure(select(space, record))).startswith(b"\x89PNG")
