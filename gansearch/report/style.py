"""Style of plots: colours, axes, legends, files.

Colours are Okabe and Ito's and cividis, which colour-blind people can tell apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from gansearch.errors import UsageError
from gansearch.metrics.catalog import METRICS
from gansearch.paths import written_atomically
from gansearch.text.readable import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

INK, GREY, FAINT = "#222222", "#8a8a8a", "#dddddd"
HIGHLIGHTS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's colours."""
KNEE = HIGHLIGHTS[1]
"""Colour of the recommended point's ring."""
COLOUR_MAP = "cividis"
FIGURE: dict[str, Any] = {"figsize": (8.0, 5.0), "dpi": 160, "layout": "constrained"}
"""Options of every figure; the size is in inches."""
FORMATS = ("png", "pdf", "svg")
"""Supported file formats."""
LOG_RATIO = 12.0
"""Ratio of largest to smallest value above which an axis is logarithmic."""


def label(metric: str) -> str:
    """Return a metric with its unit, as an axis label."""
    unit = METRICS[metric].unit
    return f"{metric} [{unit}]" if unit else metric


def scale_axis(axes: Axes, which: Literal["x", "y"], values: Sequence[float]) -> None:
    """Make an axis logarithmic, with plain numbers, if its values are positive and span widely."""
    if not values or min(values) <= 0 or max(values) / min(values) < LOG_RATIO:
        return
    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    decades = math.log10(max(values) / min(values))
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if decades < 3 else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(float(value), 6)))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def label_axes(axes: Axes, x: str, y: str) -> None:
    """Label the axes, draw a faint grid and remove needless spines."""
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.grid(color=FAINT, lw=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, length=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)


def legend_below(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Add a legend below the axes, where it hides no point."""
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=len(handles) if len(handles) <= 5 else math.ceil(len(handles) / 2),
        frameon=False,
        fontsize=8.5,
        handletextpad=0.3,
        columnspacing=1.4,
    )


def format_of(path: Path) -> str:
    """Return the file format that a suffix names, such as ``png``.

    Raises:
        UsageError: the format is not supported.
    """
    suffix = path.suffix.removeprefix(".").lower()
    if suffix not in FORMATS:
        raise UsageError(f"{path}: should end in {', '.join(f'.{each}' for each in FORMATS)}")
    return suffix


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure to a file in the format of its suffix.

    Raises:
        UsageError: the suffix is not a supported format.
    """
    suffix = format_of(path)
    with written_atomically(path) as temporary:
        figure.savefig(temporary, format=suffix)


def png(figure: Figure) -> bytes:
    """Render a figure as PNG; the same figure gives the same bytes."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
