"""Placement of point labels."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from gansearch.report.labels import POSITIONS, ErrorBars, place_labels


@pytest.mark.parametrize("log", [False, True])
def test_labels_cover_neither_bars_nor_each_other(log: bool) -> None:
    random = np.random.default_rng(0)
    figure = Figure(figsize=(8, 5), dpi=160, layout="constrained")
    axes = figure.add_subplot()
    bars = [ErrorBars(*random.uniform(1, 9, 2), *random.uniform(0, 0.8, 2)) for _ in range(12)]
    for bar in bars:
        axes.errorbar(bar.x, bar.y, xerr=bar.half_width, yerr=bar.half_height)
    if log:
        axes.set(xscale="log", yscale="log")
    labels = place_labels(
        figure, axes, [(bar.x, bar.y, str(i), {}) for i, bar in enumerate(bars)], bars
    )
    boxes = [label.get_window_extent() for label in labels]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        for bar in bars:
            for left, low, right, high in (
                (bar.x - bar.half_width, bar.y, bar.x + bar.half_width, bar.y),
                (bar.x, bar.y - bar.half_height, bar.x, bar.y + bar.half_height),
            ):
                ends = axes.transData.transform([(left, low), (right, high)])
                assert not box.overlaps(Bbox(ends))


def test_a_label_has_its_preferred_position_where_nothing_is_in_the_way() -> None:
    figure = Figure(figsize=(8, 5))
    axes = figure.add_subplot()
    axes.set(xlim=(0, 10), ylim=(0, 10))
    (label,) = place_labels(figure, axes, [(5.0, 5.0, "7", {})], [ErrorBars(5.0, 5.0)])
    assert label.get_position() == POSITIONS[0][:2]
    # In the corner it would leave the axes.
    (corner,) = place_labels(figure, axes, [(9.99, 9.99, "7", {})], [ErrorBars(9.99, 9.99)])
    assert corner.get_position()[0] < 0
    assert corner.get_position()[1] < 0
