"""Plot of a study's learning curves."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gansearch.record import TrialRecord
from gansearch.report.axes import axes_of, draw_floor, with_direction
from gansearch.report.front.selection import Selection
from gansearch.report.style import (
    FAINT,
    FIGURE,
    GREY,
    HIGHLIGHTS,
    INK,
    label_axes,
    legend_below,
    scale_axis,
)


def curves_figure(selection: Selection) -> Figure:
    """Plot quality over kimg for every trial; the front is highlighted, stopped trials are faded.

    Trainings of one configuration share a colour.
    """
    y, *_ = axes_of(selection)
    figure = Figure(**FIGURE)
    axes = figure.add_subplot()
    # The recommended trial is first; trials past the last colour are drawn as other completed ones.
    front = sorted(selection.front, key=lambda trial: trial is not selection.knee)
    colours = {
        training.number: colour
        for trial, colour in zip(front, HIGHLIGHTS, strict=False)
        for training in selection.trainings(trial)
    }
    for trial in selection.record.trials:
        points = [(r.kimg, r.metrics[y]) for r in trial.reports if y in r.metrics]
        if points:
            kimg, values = zip(*points, strict=True)
            axes.plot(kimg, values, **_curve_style(trial, selection, colours.get(trial.number)))
    floor = draw_floor(axes, selection, y)
    for rung in sorted({r.kimg for t in selection.record.trials for r in t.reports}):
        axes.axvline(rung, color=FAINT, lw=0.8, zorder=0)
    every = [r.metrics[y] for t in selection.record.trials for r in t.reports if y in r.metrics]
    scale_axis(axes, "y", [*every, *([floor] if floor else [])])
    label_axes(axes, "kimg (thousands of real images shown)", with_direction(selection, y))
    axes.set_title(
        f"{selection.record.name}: learning curves", loc="left", color=INK, fontweight="bold"
    )
    handles = [
        Line2D([], [], color=colours[t.number], lw=2.2, label=_name(t, selection))
        for t in front
        if t.number in colours
    ]
    handles += [
        Line2D([], [], color=GREY, lw=1.2, label="completed"),
        Line2D([], [], color=GREY, lw=1.0, alpha=0.4, marker="v", ms=4, label="stopped early"),
    ]
    legend_below(figure, handles)
    return figure


def _curve_style(trial: TrialRecord, selection: Selection, colour: str | None) -> dict[str, Any]:
    if colour:
        return {"color": colour, "lw": 2.2, "marker": "o", "ms": 4, "zorder": 4}
    if trial not in selection.rest:
        return {"color": GREY, "lw": 1.2, "alpha": 0.55, "zorder": 2}
    return {
        "color": GREY,
        "lw": 1.0,
        "alpha": 0.35,
        "marker": "v",
        "ms": 4,
        "markevery": [-1],
        "zorder": 1,
    }


def _name(trial: TrialRecord, selection: Selection) -> str:
    star = " ★" if trial is selection.knee else ""
    return f"trial {trial.number}, {trial.params.get('variant', '')}{star}"
