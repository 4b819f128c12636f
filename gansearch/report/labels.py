"""Placement of point labels that avoids error bars, points and other labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.transforms import Bbox

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

POSITIONS = [
    (x, y, horizontal, vertical)
    for distance in (8, 14, 22, 32)
    for x, y, horizontal, vertical in (
        (distance, distance, "left", "bottom"),
        (-distance, distance, "right", "bottom"),
        (distance, -distance, "left", "top"),
        (-distance, -distance, "right", "top"),
        (0, 1.6 * distance, "center", "bottom"),
        (0, -1.6 * distance, "center", "top"),
    )
]
"""Offsets from a point in typographic points, with the label's alignment; the preferred first."""

MARKER = 6.0
"""Half the width of a marker, in typographic points."""


class ErrorBars(NamedTuple):
    """A point with its error bars, in data units.

    Attributes:
        x, y: the point.
        half_width: half the length of the horizontal bar; 0 for none.
        half_height: half the length of the vertical bar; 0 for none.
    """

    x: float
    y: float
    half_width: float = 0.0
    half_height: float = 0.0


def place_labels(
    figure: Figure,
    axes: Axes,
    labels: Iterable[tuple[float, float, str, dict[str, Any]]],
    bars: Sequence[ErrorBars],
) -> list[Annotation]:
    """Annotate points, each at the first of :data:`POSITIONS` with the least overlap.

    Args:
        figure: figure whose axis limits are final.
        axes: axes of the points.
        labels: for each label the point's x and y, the text, and its style.
        bars: points and error bars to avoid.
    """
    figure.draw_without_rendering()
    taken = [box for bar in bars for box in _boxes(axes, bar)]
    placed = []
    for x, y, text, style in labels:
        label = axes.annotate(text, (x, y), (0, 0), textcoords="offset points", **style)
        options = [(*_overlap(label, position, taken, axes), position) for position in POSITIONS]
        *_, box, position = min(options, key=lambda option: option[0])
        _move(label, position)
        taken.append(box)
        placed.append(label)
    return placed


def _move(label: Annotation, position: tuple[float, float, str, str]) -> None:
    x, y, horizontal, vertical = position
    label.set(position=(x, y), ha=horizontal, va=vertical)


def _overlap(
    label: Annotation, position: tuple[float, float, str, str], taken: Sequence[Bbox], axes: Axes
) -> tuple[float, Bbox]:
    """Return a label's covered and outside area at a position, in square pixels, and its box."""
    _move(label, position)
    box = label.get_window_extent()
    covered = sum(_area(Bbox.intersection(box, other)) for other in taken)
    outside = _area(box) - _area(Bbox.intersection(box, axes.get_window_extent()))
    return covered + outside, box


def _area(box: Bbox | None) -> float:
    return float(box.width * box.height) if box is not None else 0.0


def _boxes(axes: Axes, bar: ErrorBars) -> list[Bbox]:
    """Return the boxes of a marker and of its bars with their caps, in pixels."""
    half = MARKER * axes.figure.dpi / 72
    ends = [
        (bar.x - bar.half_width, bar.y, bar.x + bar.half_width, bar.y),
        (bar.x, bar.y - bar.half_height, bar.x, bar.y + bar.half_height),
    ]
    boxes = []
    for left, low, right, high in ends:
        (x0, y0), (x1, y1) = axes.transData.transform([(left, low), (right, high)])
        boxes.append(Bbox.from_extents(x0 - half, y0 - half, x1 + half, y1 + half))
    return boxes
