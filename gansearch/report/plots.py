"""The front as a picture that reads at a README's size.

Figures are made without pyplot, so they hold no global state and can be drawn from any thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from gansearch.readable import number
from gansearch.record import Outcome, StudyRecord, TrialRecord
from gansearch.report.aims import oriented
from gansearch.report.axes import axes_of, draw_floor, with_direction
from gansearch.report.labels import Bar, place_labels
from gansearch.report.selection import Selection
from gansearch.report.style import (
    COLOUR_MAP,
    FIGURE,
    GREY,
    HIGHLIGHTS,
    INK,
    KNEE,
    below,
    decorate,
    label,
    scale,
    write_figure,
)
from gansearch.report.tables import trainings

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# Caps that are wider than the markers show an interval that is smaller than one.
BARS: dict[str, Any] = {"ecolor": INK, "elinewidth": 1.2, "capsize": 9, "zorder": 2.8}
BOUND = HIGHLIGHTS[3]
HOLLOW: dict[str, Any] = {"s": 34, "facecolors": "none", "edgecolors": GREY, "linewidths": 1.0}
"""How trials look that the front is not drawn from."""


def front_figure(record: StudyRecord, selection: Selection) -> Figure:
    """Quality over time with memory as colour: every trial that has reported, and the front.

    The axes are the selection's first quality, its first time and its first memory, or whatever
    objectives it has in their place. Trials that did not complete the full budget are faded, at the
    values of their last rung. Trainings of one configuration are one point. A mean has its interval
    as error bars, and so has a cost that was reported with its standard error. Points that are on
    the front by noise alone are ringed with dashes, and bounds are lines. Where trials were scored
    again, those that were not are hollow, at the values that the search measured, which fewer
    samples shift. The real-data floor is drawn where the study's tags have it, as
    ``floor/<metric>``.
    """
    y, x, colour = axes_of(selection)
    figure = Figure(**FIGURE)
    axes = figure.add_subplot()
    stopped = [t for t in selection.rest if t.outcome in (Outcome.STOPPED, None)]
    _scatter(axes, selection, stopped, x, y, marker="v", s=26, c=GREY, alpha=0.4, linewidths=0)
    _scatter(axes, selection, _aside(selection), x, y, **HOLLOW)
    _coloured(figure, axes, selection, (x, y, colour))
    _staircase(axes, selection, x, y)
    bars = _error_bars(axes, selection, x, y)
    _mark_front(axes, selection, x, y)
    _draw_bounds(axes, selection, x, y)
    floor = draw_floor(axes, record, selection, y)
    scale(axes, "x", _values(selection, record.trials, x))
    scale(axes, "y", [*_values(selection, record.trials, y), *([floor] if floor else [])])
    decorate(axes, with_direction(selection, x), with_direction(selection, y))
    _titles(axes, record, selection)
    ends = (t.outcome for t in selection.rest)
    counts = Counter(str(end) for end in ends if end not in (Outcome.STOPPED, None))
    _legend(figure, selection, len(stopped), counts)
    place_labels(figure, axes, _labels(selection, x, y), bars)
    return figure


def write_front_plot(selection: Selection, record: StudyRecord, path: Path) -> None:
    """Write :func:`front_figure` to a file of the kind that its suffix names.

    Raises:
        UsageError: the suffix names no kind of picture.
    """
    write_figure(front_figure(record, selection), path)


def _shown(selection: Selection, trial: TrialRecord) -> Mapping[str, float]:
    """What a trial is ranked by, or, of one that is not, what it reported last."""
    if trial.number in selection.standings:
        return selection.values(trial)
    return trial.last.metrics if trial.last else {}


def _aside(selection: Selection) -> list[TrialRecord]:
    """The completed trials that were not scored again, where others were."""
    if not selection.scored:
        return []
    return [t for t in selection.completed if not selection.standings[t.number].scored]


def _values(selection: Selection, trials: Iterable[TrialRecord], metric: str) -> list[float]:
    return [v[metric] for t in trials if metric in (v := _shown(selection, t))]


def _scatter(
    axes: Axes, selection: Selection, trials: Iterable[TrialRecord], x: str, y: str, **style: Any
) -> None:
    shown = [v for t in trials if {x, y} <= (v := _shown(selection, t)).keys()]
    axes.scatter([v[x] for v in shown], [v[y] for v in shown], **style)


def _coloured(
    figure: Figure, axes: Axes, selection: Selection, metrics: tuple[str, str, str | None]
) -> None:
    """Trials at the full budget, with the third metric as colour."""
    x, y, colour = metrics
    needed = {x, y, colour} - {None}
    aside = _aside(selection)
    compared = [trial for trial in selection.completed if trial not in aside]
    groups = [
        ([t for t in trials if needed <= selection.values(t).keys()], size, edge)
        for trials, size, edge in ((compared, 42, "white"), (selection.front, 95, INK))
    ]
    levels = [v for trials, *_ in groups for v in _values(selection, trials, colour or y)]
    if not levels:
        return
    limits = {"vmin": min(levels), "vmax": max(levels), "cmap": COLOUR_MAP}
    for trials, size, edge in groups:
        shade: dict[str, Any] = (
            {"c": _values(selection, trials, colour), **limits}
            if colour
            else {"color": HIGHLIGHTS[0]}
        )
        drawn = axes.scatter(
            _values(selection, trials, x),
            _values(selection, trials, y),
            s=size,
            edgecolors=edge,
            linewidths=1.1,
            zorder=3,
            **shade,
        )
    if colour:
        bar = figure.colorbar(drawn, ax=axes, pad=0.015, aspect=28)
        bar.set_label(label(colour), color=INK)
        bar.outline.set_visible(False)


def _staircase(axes: Axes, selection: Selection, x: str, y: str) -> None:
    """The best quality that the front has at each time or less: its lower edge in this plane."""
    shown = (selection.values(trial) for trial in selection.front)
    points = sorted((values[x], values[y]) for values in shown if {x, y} <= values.keys())
    best = next((o for o in selection.objectives if o.metric == y), None)
    if not points or best is None:
        return
    edge = [points[0]]
    for point in points[1:]:
        if oriented(best, point[1]) < oriented(best, edge[-1][1]):
            edge.append(point)
    xs, ys = zip(*edge, strict=True)
    axes.step(xs, ys, where="post", color=INK, lw=1.3, alpha=0.75, zorder=2)


def _error_bars(axes: Axes, selection: Selection, x: str, y: str) -> list[Bar]:
    """Draw the intervals of the front and of means; all points that are shown, with them."""
    bars = []
    for trial in (*selection.front, *selection.completed):
        values = selection.values(trial)
        if not {x, y} <= values.keys():
            continue
        intervals = [selection.interval(trial, metric) for metric in (x, y)]
        across, along = (interval.half or 0.0 if interval else 0.0 for interval in intervals)
        if trial not in selection.front and y not in selection.standings[trial.number].intervals:
            across = 0.0  # one more cross for each trial would hide the front
        if across or along:
            axes.errorbar(
                values[x], values[y], xerr=across or None, yerr=along or None, fmt="none", **BARS
            )
        bars.append(Bar(values[x], values[y], across, along))
    return bars


def _mark_front(axes: Axes, selection: Selection, x: str, y: str) -> None:
    """Ring the recommended point, and with dashes those that are there by noise alone."""
    rings = {trial.number: ("--", GREY, 1.4) for trial in selection.by_noise}
    if selection.knee:
        rings[selection.knee.number] = ("-", KNEE, 2.4)
    for trial in selection.front:
        values = selection.values(trial)
        if trial.number in rings and {x, y} <= values.keys():
            line, colour, width = rings[trial.number]
            style: dict[str, Any] = {"edgecolors": colour, "linewidths": width, "linestyles": line}
            axes.scatter(values[x], values[y], s=300, facecolors="none", zorder=4, **style)


def _labels(
    selection: Selection, x: str, y: str
) -> Iterator[tuple[float, float, str, dict[str, Any]]]:
    for trial in selection.front:
        values = selection.values(trial)
        if {x, y} <= values.keys():
            several = len(selection.trainings(trial)) + selection.lost(trial) > 1
            words = f" (n = {trainings(selection, trial)})" if several else ""
            style = {
                "fontsize": 9,
                "fontweight": "bold" if trial is selection.knee else None,
                "color": INK,
                "path_effects": [withStroke(linewidth=2.5, foreground="white")],
                "zorder": 5,
            }
            yield values[x], values[y], f"{trial.number}{words}", style


def _draw_bounds(axes: Axes, selection: Selection, x: str, y: str) -> None:
    """Draw the bounds on what the axes show as lines, labelled with what they allow."""
    for bound in selection.bounds:
        for sign, limit in (("≥", bound.min), ("≤", bound.max)):
            if limit is None or bound.metric not in (x, y):
                continue
            words = f"{bound.metric} {sign} {number(float(limit), 6)}"
            style: dict[str, Any] = {"fontsize": 8.5, "color": BOUND, "zorder": 5}
            if bound.metric == y:
                axes.axhline(limit, color=BOUND, lw=1.2, ls=":", zorder=1)
                where = (0.005, limit), ("axes fraction", "data"), (0, 3), "left"
            else:
                axes.axvline(limit, color=BOUND, lw=1.2, ls=":", zorder=1)
                where = (limit, 0.99), ("data", "axes fraction"), (4, 0), "left"
                style |= {"rotation": 90, "va": "top"}
            at, coordinates, offset, align = where
            axes.annotate(
                words,
                at,
                xycoords=coordinates,
                xytext=offset,
                textcoords="offset points",
                ha=align,
                **style,
            )


# --- Words ------------------------------------------------------------------------------------


def _titles(axes: Axes, record: StudyRecord, selection: Selection) -> None:
    axes.set_title(f"{record.name}: Pareto front", loc="left", color=INK, fontweight="bold")
    if selection.message:
        axes.text(0.5, 0.5, selection.message, transform=axes.transAxes, ha="center", wrap=True)


def _legend(figure: Figure, selection: Selection, stopped: int, absent: Mapping[str, int]) -> None:
    def mark(words: str, **style: Any) -> Line2D:
        return Line2D([], [], ls="none", label=words, **style)

    disc = {"marker": "o", "color": "#a8a273"}
    handles = [mark(f"front ({len(selection.front)})", ms=9, mec=INK, **disc)]
    if selection.knee:
        handles.append(mark("recommended", marker="o", ms=11, mfc="none", mec=KNEE, mew=2))
    if selection.by_noise:
        ring = {"marker": "o", "ms": 11, "mfc": "none", "mec": GREY, "mew": 1.2}
        handles.append(mark(f"by noise alone ({len(selection.by_noise)})", **ring))
    if selection.spread:
        handles.append(mark("95% interval", marker="|", ms=11, color=INK, mew=1.4))
    aside = len(_aside(selection))
    if compared := len(selection.completed) - aside:
        handles.append(mark(f"completed ({compared})", ms=6, mec="white", **disc))
    if aside:
        handles.append(mark(f"not scored again ({aside})", marker="o", ms=5, mfc="none", mec=GREY))
    if stopped:
        words = f"stopped, at its last rung ({stopped})"
        handles.append(mark(words, marker="v", ms=5, color=GREY, alpha=0.5, mec="none"))
    if absent:
        each = (f"{count} {name}".replace("_", " ") for name, count in absent.items())
        handles.append(mark(f"not shown: {', '.join(each)}"))
    below(figure, handles)
