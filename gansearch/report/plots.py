"""Plot of the front, legible at a README's size.

Figures are made without pyplot, so they hold no global state and any thread can draw them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from gansearch.record import Outcome, TrialRecord
from gansearch.report.axes import axes_of, draw_floor, with_direction
from gansearch.report.front.selection import Selection
from gansearch.report.labels import ErrorBars, place_labels
from gansearch.report.style import (
    COLOUR_MAP,
    FIGURE,
    GREY,
    HIGHLIGHTS,
    INK,
    KNEE,
    label,
    label_axes,
    legend_below,
    scale_axis,
    write_figure,
)
from gansearch.report.tables import trainings_text
from gansearch.text.readable import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes


ERROR_BARS: dict[str, Any] = {"ecolor": INK, "elinewidth": 1.2, "capsize": 9, "zorder": 2.8}
"""Style of error bars; caps wider than the markers show intervals shorter than a marker."""
BOUND = HIGHLIGHTS[3]
"""Colour of bounds."""
HOLLOW: dict[str, Any] = {"s": 34, "facecolors": "none", "edgecolors": GREY, "linewidths": 1.0}
"""Style of trials that are not candidates for the front."""


def front_figure(selection: Selection) -> Figure:
    """Plot quality over time with memory as colour: all trials that reported, and the front.

    The axes are the selection's first quality, time and memory, or other objectives if it lacks one
    of them. Trials that did not complete the full budget are faded, at the values of their last
    rung. Trainings of one configuration are one point. Error bars show the intervals of means and
    of costs reported with a standard error. Dashed rings mark points that are on the front by noise
    alone, and lines mark bounds. Once some trials were rescored, the others are hollow, at their
    values from the search, which are biased by fewer samples. The real-data floor is drawn if the
    study's tags have it as ``floor/<metric>``.
    """
    y, x, colour = axes_of(selection)
    figure = Figure(**FIGURE)
    axes = figure.add_subplot()
    stopped = [t for t in selection.rest if t.outcome in (Outcome.STOPPED, None)]
    _draw_points(axes, selection, stopped, x, y, marker="v", s=26, c=GREY, alpha=0.4, linewidths=0)
    _draw_points(axes, selection, _not_rescored(selection), x, y, **HOLLOW)
    _draw_candidates(figure, axes, selection, (x, y, colour))
    _draw_attainment(axes, selection, x, y)
    bars = _draw_error_bars(axes, selection, x, y)
    _draw_rings(axes, selection, x, y)
    _draw_bounds(axes, selection, x, y)
    floor = draw_floor(axes, selection, y)
    scale_axis(axes, "x", _values(selection, selection.record.trials, x))
    scale_axis(
        axes, "y", [*_values(selection, selection.record.trials, y), *([floor] if floor else [])]
    )
    label_axes(axes, with_direction(selection, x), with_direction(selection, y))
    _set_title(axes, selection)
    ends = (t.outcome for t in selection.rest)
    counts = Counter(str(end) for end in ends if end not in (Outcome.STOPPED, None))
    _add_legend(figure, selection, len(stopped), counts)
    place_labels(figure, axes, _labels(selection, x, y), bars)
    return figure


def write_front_plot(selection: Selection, path: Path) -> None:
    """Write :func:`front_figure` to a file in the format of its suffix.

    Raises:
        UsageError: the suffix is not a supported format.
    """
    write_figure(front_figure(selection), path)


def _metrics_of(selection: Selection, trial: TrialRecord) -> Mapping[str, float]:
    """Return the metrics that rank a trial, or those of its last report if it is not ranked."""
    if trial.number in selection.estimates:
        return selection.values(trial)
    return trial.last.metrics if trial.last else {}


def _not_rescored(selection: Selection) -> list[TrialRecord]:
    """Return the completed trials that were not rescored, if others were."""
    if not selection.rescored:
        return []
    return [t for t in selection.completed if not selection.estimates[t.number].rescored]


def _values(selection: Selection, trials: Iterable[TrialRecord], metric: str) -> list[float]:
    return [v[metric] for t in trials if metric in (v := _metrics_of(selection, t))]


def _draw_points(
    axes: Axes, selection: Selection, trials: Iterable[TrialRecord], x: str, y: str, **style: Any
) -> None:
    shown = [v for t in trials if {x, y} <= (v := _metrics_of(selection, t)).keys()]
    axes.scatter([v[x] for v in shown], [v[y] for v in shown], **style)


def _draw_candidates(
    figure: Figure, axes: Axes, selection: Selection, metrics: tuple[str, str, str | None]
) -> None:
    """Draw trials at the full budget, with the third metric as colour."""
    x, y, colour = metrics
    needed = {x, y, colour} - {None}
    not_rescored = _not_rescored(selection)
    compared = [trial for trial in selection.completed if trial not in not_rescored]
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


def _draw_attainment(axes: Axes, selection: Selection, x: str, y: str) -> None:
    """Draw the attainment curve in this plane: the front's best quality within each time."""
    shown = (selection.values(trial) for trial in selection.front)
    points = sorted((values[x], values[y]) for values in shown if {x, y} <= values.keys())
    best = next((o for o in selection.objectives if o.metric == y), None)
    if not points or best is None:
        return
    edge = [points[0]]
    for point in points[1:]:
        if best.minimised(point[1]) < best.minimised(edge[-1][1]):
            edge.append(point)
    xs, ys = zip(*edge, strict=True)
    axes.step(xs, ys, where="post", color=INK, lw=1.3, alpha=0.75, zorder=2)


def _draw_error_bars(axes: Axes, selection: Selection, x: str, y: str) -> list[ErrorBars]:
    """Draw the intervals of the front and of means; return all shown points with theirs."""
    bars = []
    for trial in (*selection.front, *selection.completed):
        values = selection.values(trial)
        if not {x, y} <= values.keys():
            continue
        intervals = [selection.interval(trial, metric) for metric in (x, y)]
        half_width, half_height = (
            interval.half or 0.0 if interval else 0.0 for interval in intervals
        )
        if trial not in selection.front and y not in selection.estimates[trial.number].intervals:
            half_width = 0.0  # a cross for every trial would hide the front
        if half_width or half_height:
            axes.errorbar(
                values[x],
                values[y],
                xerr=half_width or None,
                yerr=half_height or None,
                fmt="none",
                **ERROR_BARS,
            )
        bars.append(ErrorBars(values[x], values[y], half_width, half_height))
    return bars


def _draw_rings(axes: Axes, selection: Selection, x: str, y: str) -> None:
    """Ring the recommended point, and with dashes the points on the front by noise alone."""
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
            several = len(selection.trainings(trial)) + selection.failures(trial) > 1
            words = f" (n = {trainings_text(selection, trial)})" if several else ""
            style = {
                "fontsize": 9,
                "fontweight": "bold" if trial is selection.knee else None,
                "color": INK,
                "path_effects": [withStroke(linewidth=2.5, foreground="white")],
                "zorder": 5,
            }
            yield values[x], values[y], f"{trial.number}{words}", style


def _draw_bounds(axes: Axes, selection: Selection, x: str, y: str) -> None:
    """Draw and label the bounds on the metrics of the axes."""
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


# --- Text ------------------------------------------------------------------------------------


def _set_title(axes: Axes, selection: Selection) -> None:
    axes.set_title(
        f"{selection.record.name}: Pareto front", loc="left", color=INK, fontweight="bold"
    )
    if selection.message:
        axes.text(0.5, 0.5, selection.message, transform=axes.transAxes, ha="center", wrap=True)


def _add_legend(
    figure: Figure, selection: Selection, stopped: int, absent: Mapping[str, int]
) -> None:
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
    not_rescored = len(_not_rescored(selection))
    if compared := len(selection.completed) - not_rescored:
        handles.append(mark(f"completed ({compared})", ms=6, mec="white", **disc))
    if not_rescored:
        handles.append(
            mark(f"not rescored ({not_rescored})", marker="o", ms=5, mfc="none", mec=GREY)
        )
    if stopped:
        words = f"stopped, at its last rung ({stopped})"
        handles.append(mark(words, marker="v", ms=5, color=GREY, alpha=0.5, mec="none"))
    if absent:
        each = (f"{count} {name}".replace("_", " ") for name, count in absent.items())
        handles.append(mark(f"not shown: {', '.join(each)}"))
    legend_below(figure, handles)
