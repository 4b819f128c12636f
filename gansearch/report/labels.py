"""Placement of point labels that avoids error bars, points and other labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.transforms import Bbox

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

PLACES = [
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


class Bar(NamedTuple):
    """A point with its error bars in data units; half lengths, 0 for none."""

    x: float
    y: float
    across: float = 0.0
    along: float = 0.0


def place_labels(
    figure: Figure,
    axes: Axes,
    labels: Iterable[tuple[float, float, str, dict[str, Any]]],
    bars: Sequence[Bar],
) -> list[Annotation]:
    """Annotate points, each at the first of :data:`PLACES` with the least overlap.

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
        options = [(*_overlap(label, place, taken, axes), place) for place in PLACES]
        *_, box, place = min(options, key=lambda option: option[0])
        _move(label, place)
        taken.append(box)
        placed.append(label)
    return placed


def _move(label: Annotation, place: tuple[float, float, str, str]) -> None:
    x, y, horizontal, vertical = place
    label.set(position=(x, y), ha=horizontal, va=vertical)


def _overlap(
    label: Annotation, place: tuple[float, float, str, str], taken: Sequence[Bbox], axes: Axes
) -> tuple[float, Bbox]:
    """Return the overlap and outside area of a label at a place, in square pixels, and its box."""
    _move(label, place)
    box = label.get_window_extent()
    covered = sum(_area(Bbox.intersection(box, other)) for other in taken)
    outside = _area(box) - _area(Bbox.intersection(box, axes.get_window_extent()))
    return covered + outside, box


def _area(box: Bbox | None) -> float:
    return float(box.width * box.height) if box is not None else 0.0


def _boxes(axes: Axes, bar: Bar) -> list[Bbox]:
    """Boxes of a marker and its bars with caps, in pixels."""
    half = MARKER * axes.figure.dpi / 72
    ends = [
        (bar.x - bar.across, bar.y, bar.x + bar.across, bar.y),
        (bar.x, bar.y - bar.along, bar.x, bar.y + bar.along),
    ]
    boxes = []
    for left, low, right, high in ends:
        (x0, y0), (x1, y1) = axes.transData.transform([(left, low), (right, high)])
        boxes.append(Bbox.from_extents(x0 - half, y0 - half, x1 + half, y1 + half))
    return boxes
