"""Axes of a study's plots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from gansearch.record import StudyRecord
from gansearch.report import select
from gansearch.report.axes import axes_of, draw_floor, with_direction
from gansearch.space import Space

Make = Callable[..., tuple[Space, StudyRecord]]


@pytest.mark.parametrize(
    ("objectives", "axes"),
    [
        (None, ("fd_digits", "seconds_per_kimg", "peak_memory_mib")),
        (["fd_digits"], ("fd_digits", "seconds_per_kimg", "peak_memory_mib")),
        (
            ["seconds_per_kimg", "peak_memory_mib"],
            ("seconds_per_kimg", "peak_memory_mib", None),
        ),
        (["peak_memory_mib", "fd_digits"], ("fd_digits", "peak_memory_mib", None)),
    ],
)
def test_axes_are_quality_time_and_memory_where_there_are_such(
    make_study: Make, objectives: list[str] | None, axes: tuple[str, str, str | None]
) -> None:
    space, record = make_study(20)
    assert axes_of(select(space, record, objectives=objectives)) == axes


def test_axis_labels_have_the_better_direction_of_the_space(make_study: Make) -> None:
    objectives = ({"metric": "seconds_per_kimg", "direction": "maximize"},)
    selection = select(*make_study(20, objectives=objectives))
    assert with_direction(selection, "seconds_per_kimg").endswith("higher is better")
    assert with_direction(selection, "peak_memory_mib").endswith("[MiB], lower is better")
    assert with_direction(selection, "recall") == "recall, higher is better"


def test_the_floor_is_drawn_if_it_is_known(make_study: Make) -> None:
    space, record = make_study(20)
    selection = select(space, record)
    for tags, heights in (({}, []), ({"floor/fd_digits": "1.1"}, [1.1])):
        axes = Figure().add_subplot()
        floor = draw_floor(axes, replace(selection, record=replace(record, tags=tags)), "fd_digits")
        assert [floor] == (heights or [None])
        assert [line.get_ydata()[0] for line in axes.lines] == heights  # type: ignore[index]
