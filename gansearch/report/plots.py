"""The front and the learning curves as pictures that read at a README's size.

Figures are made without pyplot, so they hold no global state and can be drawn from any thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from gansearch.metrics.catalog import METRICS
from gansearch.record import Outcome, StudyRecord, TrialRecord
from gansearch.report.aims import oriented
from gansearch.report.selection import Selection
from gansearch.report.style import (
    COLOUR_MAP,
    FAINT,
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

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def front_figure(record: StudyRecord, selection: Selection) -> Figure:
    """Quality over time with memory as colour: every trial that has reported, and the front.

    The axes are the selection's first quality, its first time and its first memory, or whatever
    objectives it has in their place. Trials that did not complete the full budget are faded, at the
    values of their last rung. The real-data floor is drawn where the study's tags have it, as
    ``floor/<metric>``.
    """
    y, x, colour = _axes_of(selection)
    figure = Figure(**FIGURE)
    axes = figure.add_subplot()
    stopped = [t for t in selection.rest if t.outcome in (Outcome.STOPPED, None)]
    _scatter(axes, stopped, x, y, marker="v", s=26, c=GREY, alpha=0.4, linewidths=0)
    _coloured(figure, axes, selection, (x, y, colour))
    _staircase(axes, selection, x, y)
    _mark_front(axes, selection, x, y)
    floor = _floor(axes, record, y)
    scale(axes, "x", _values(record.trials, x))
    scale(axes, "y", [*_values(record.trials, y), *([floor] if floor else [])])
    decorate(axes, _with_direction(selection, x), _with_direction(selection, y))
    _titles(axes, record, selection)
    ends = (t.outcome for t in selection.rest)
    counts = Counter(str(end) for end in ends if end not in (Outcome.STOPPED, None))
    _legend(figure, selection, len(stopped), counts)
    return figure


def curves_figure(record: StudyRecord, selection: Selection) -> Figure:
    """Quality over kimg for every trial: the front's highlighted, the stopped ones faded."""
    y, *_ = _axes_of(selection)
    figure = Figure(**FIGURE)
    axes = figure.add_subplot()
    # The recommended trial first; one beyond the last colour is drawn as any completed trial.
    front = sorted(selection.front, key=lambda trial: trial is not selection.knee)
    colours = {t.number: c for t, c in zip(front, HIGHLIGHTS, strict=False)}
    for trial in record.trials:
        points = [(r.kimg, r.metrics[y]) for r in trial.reports if y in r.metrics]
        if points:
            kimg, values = zip(*points, strict=True)
            axes.plot(kimg, values, **_curve_style(trial, selection, colours.get(trial.number)))
    floor = _floor(axes, record, y)
    for rung in sorted({r.kimg for t in record.trials for r in t.reports}):
        axes.axvline(rung, color=FAINT, lw=0.8, zorder=0)
    every = [r.metrics[y] for t in record.trials for r in t.reports if y in r.metrics]
    scale(axes, "y", [*every, *([floor] if floor else [])])
    decorate(axes, "kimg (thousands of real images shown)", _with_direction(selection, y))
    axes.set_title(f"{record.name}: learning curves", loc="left", color=INK, fontweight="bold")
    handles = [
        Line2D([], [], color=colours[t.number], lw=2.2, label=_name(t, selection))
        for t in front
        if t.number in colours
    ]
    handles += [
        Line2D([], [], color=GREY, lw=1.2, label="completed"),
        Line2D([], [], color=GREY, lw=1.0, alpha=0.4, marker="v", ms=4, label="stopped early"),
    ]
    below(figure, handles)
    return figure


def write_front_plot(selection: Selection, record: StudyRecord, path: Path) -> None:
    """Write :func:`front_figure` to a file of the kind that its suffix names.

    Raises:
        UsageError: the suffix names no kind of picture.
    """
    write_figure(front_figure(record, selection), path)


# --- What is drawn where ---------------------------------------------------------------------


def _axes_of(selection: Selection) -> tuple[str, str, str | None]:
    """Metrics of the vertical axis, the horizontal one and the colour."""
    left = [objective.metric for objective in selection.objectives]

    def take(wanted: Any, otherwise: Sequence[str]) -> str | None:
        found = next((n for n in left if wanted(METRICS[n])), None) or next(iter(left), None)
        if found is not None:
            left.remove(found)
            return found
        reported = {n for t in selection.completed + selection.front for n in _last(t)}
        return next((n for n in otherwise if n in reported and n not in used), None)

    used: list[str | None] = []
    used.append(take(lambda m: m.kind == "quality", ()))
    used.append(take(lambda m: m.unit == "s", ("seconds_per_kimg", "train_seconds")))
    used.append(take(lambda m: m.unit == "MiB", ("peak_memory_mib",)))
    y, x, colour = used
    return str(y), x or "seconds_per_kimg", colour


def _last(trial: TrialRecord) -> dict[str, float]:
    return dict(trial.last.metrics) if trial.last else {}


def _values(trials: Iterable[TrialRecord], metric: str) -> list[float]:
    return [values[metric] for t in trials if metric in (values := _last(t))]


def _scatter(axes: Axes, trials: Iterable[TrialRecord], x: str, y: str, **style: Any) -> None:
    shown = [v for t in trials if {x, y} <= (v := _last(t)).keys()]
    axes.scatter([v[x] for v in shown], [v[y] for v in shown], **style)


def _coloured(
    figure: Figure, axes: Axes, selection: Selection, metrics: tuple[str, str, str | None]
) -> None:
    """Trials at the full budget, with the third metric as colour."""
    x, y, colour = metrics
    needed = {x, y, colour} - {None}
    groups = [
        ([t for t in trials if needed <= _last(t).keys()], size, edge)
        for trials, size, edge in ((selection.completed, 42, "white"), (selection.front, 95, INK))
    ]
    levels = [v for trials, *_ in groups for v in _values(trials, colour or y)]
    if not levels:
        return
    limits = {"vmin": min(levels), "vmax": max(levels), "cmap": COLOUR_MAP}
    for trials, size, edge in groups:
        shade: dict[str, Any] = (
            {"c": _values(trials, colour), **limits} if colour else {"color": HIGHLIGHTS[0]}
        )
        drawn = axes.scatter(
            _values(trials, x),
            _values(trials, y),
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
    points = sorted((v[x], v[y]) for t in selection.front if {x, y} <= (v := _last(t)).keys())
    best = next((o for o in selection.objectives if o.metric == y), None)
    if not points or best is None:
        return
    edge = [points[0]]
    for point in points[1:]:
        if oriented(best, point[1]) < oriented(best, edge[-1][1]):
            edge.append(point)
    xs, ys = zip(*edge, strict=True)
    axes.step(xs, ys, where="post", color=INK, lw=1.3, alpha=0.75, zorder=2)


def _mark_front(axes: Axes, selection: Selection, x: str, y: str) -> None:
    for trial in selection.front:
        values = _last(trial)
        if {x, y} <= values.keys():
            knee = trial is selection.knee
            at = (values[x], values[y])
            if knee:
                axes.scatter(*at, s=300, c="none", edgecolors=KNEE, linewidths=2.4, zorder=4)
            axes.annotate(
                str(trial.number),
                at,
                xytext=(9 if knee else 6, 9 if knee else 6),
                textcoords="offset points",
                fontsize=9,
                fontweight="bold" if knee else None,
                color=INK,
                path_effects=[withStroke(linewidth=2.5, foreground="white")],
                zorder=5,
            )


def _floor(axes: Axes, record: StudyRecord, metric: str) -> float | None:
    """Draw the distance of real data to itself, where it is known; the value."""
    text = record.tags.get(f"floor/{metric}")
    if text is None:
        return None
    axes.axhline(float(text), color=HIGHLIGHTS[2], lw=1.3, ls=(0, (5, 3)), zorder=1)
    axes.annotate(
        f"real data against held-out real: {float(text):.3g}",
        (0.995, float(text)),
        xycoords=("axes fraction", "data"),
        xytext=(0, 4),
        textcoords="offset points",
        ha="right",
        fontsize=8.5,
        color=HIGHLIGHTS[2],
    )
    return float(text)


def _curve_style(trial: TrialRecord, selection: Selection, colour: str | None) -> dict[str, Any]:
    if colour:
        return {"color": colour, "lw": 2.2, "marker": "o", "ms": 4, "zorder": 4}
    if trial in selection.completed or trial in selection.front:
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


# --- Words ------------------------------------------------------------------------------------


def _titles(axes: Axes, record: StudyRecord, selection: Selection) -> None:
    axes.set_title(f"{record.name}: Pareto front", loc="left", color=INK, fontweight="bold")
    if selection.message:
        axes.text(0.5, 0.5, selection.message, transform=axes.transAxes, ha="center", wrap=True)


def _with_direction(selection: Selection, metric: str) -> str:
    own = (o.direction for o in selection.objectives if o.metric == metric)
    direction = next(own, METRICS[metric].direction)
    return f"{label(metric)}, {'lower' if direction == 'minimize' else 'higher'} is better"


def _name(trial: TrialRecord, selection: Selection) -> str:
    star = " ★" if trial is selection.knee else ""
    return f"trial {trial.number}, {trial.params.get('variant', '')}{star}"


def _legend(figure: Figure, selection: Selection, stopped: int, absent: Mapping[str, int]) -> None:
    def mark(words: str, **style: Any) -> Line2D:
        return Line2D([], [], ls="none", label=words, **style)

    disc = {"marker": "o", "color": "#a8a273"}
    handles = [mark(f"front ({len(selection.front)})", ms=9, mec=INK, **disc)]
    if selection.knee:
        handles.append(mark("recommended", marker="o", ms=11, mfc="none", mec=KNEE, mew=2))
    if selection.completed:
        handles.append(mark(f"completed ({len(selection.completed)})", ms=6, mec="white", **disc))
    if stopped:
        words = f"stopped, at its last rung ({stopped})"
        handles.append(mark(words, marker="v", ms=5, color=GREY, alpha=0.5, mec="none"))
    if absent:
        each = (f"{count} {name}".replace("_", " ") for name, count in absent.items())
        handles.append(mark(f"not shown: {', '.join(each)}"))
    below(figure, handles)
