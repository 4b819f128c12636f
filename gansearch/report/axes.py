"""Axes of a study's plots, and the real-data floor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gansearch.metrics.catalog import METRICS
from gansearch.report.front.selection import Selection
from gansearch.report.style import HIGHLIGHTS, label
from gansearch.text.readable import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def axes_of(selection: Selection) -> tuple[str, str, str | None]:
    """Return the metrics of the vertical axis, the horizontal axis and the colour."""
    left = [objective.metric for objective in selection.objectives]

    def take(wanted: Any, otherwise: Sequence[str]) -> str | None:
        found = next((n for n in left if wanted(METRICS[n])), None) or next(iter(left), None)
        if found is not None:
            left.remove(found)
            return found
        reported = {n for t in selection.completed + selection.front for n in selection.values(t)}
        return next((n for n in otherwise if n in reported and n not in used), None)

    used: list[str | None] = []
    used.append(take(lambda m: m.kind == "quality", ()))
    used.append(take(lambda m: m.unit == "s", ("seconds_per_kimg", "train_seconds")))
    used.append(take(lambda m: m.unit == "MiB", ("peak_memory_mib",)))
    y, x, colour = used
    return str(y), x or "seconds_per_kimg", colour


def draw_floor(axes: Axes, selection: Selection, metric: str) -> float | None:
    """Draw the distance between real and held-out real data, if known, and return it.

    It is evaluated with the search's protocol; its label says so if trials were rescored.
    """
    text = selection.record.tags.get(f"floor/{metric}")
    if text is None:
        return None
    protocol = ", with the search's protocol" if metric in selection.rescored else ""
    axes.axhline(float(text), color=HIGHLIGHTS[2], lw=1.3, ls=(0, (5, 3)), zorder=1)
    axes.annotate(
        f"real data against held-out real data{protocol}: {number(float(text), 3)}",
        (0.995, float(text)),
        xycoords=("axes fraction", "data"),
        xytext=(0, 4),
        textcoords="offset points",
        ha="right",
        fontsize=8.5,
        color=HIGHLIGHTS[2],
    )
    return float(text)


def with_direction(selection: Selection, metric: str) -> str:
    """Return an axis label: the metric, its unit, and its better direction."""
    own = (o.direction for o in selection.objectives if o.metric == metric)
    direction = next(own, METRICS[metric].direction)
    return f"{label(metric)}, {'lower' if direction == 'minimize' else 'higher'} is better"
