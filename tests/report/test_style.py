"""Style of plots: file formats, bytes, logarithmic axes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from gansearch.errors import UsageError
from gansearch.record import StudyRecord
from gansearch.report import select
from gansearch.report.plots import front_figure, write_front_plot
from gansearch.report.style import LOG_RATIO, label, png, scale_axis
from gansearch.space import Space

Make = Callable[..., tuple[Space, StudyRecord]]


def test_same_study_gives_the_same_bytes(make_study: Make) -> None:
    space, record = make_study(20)
    first, second = (png(front_figure(select(space, record))) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_a_figure_is_written_in_the_format_of_its_suffix(
    make_study: Make, tmp_path: Path, kind: str
) -> None:
    space, record = make_study(9)
    write_front_plot(select(space, record), tmp_path / f"front.{kind}")
    start = (tmp_path / f"front.{kind}").read_bytes()[:200]
    assert {"png": b"PNG", "pdf": b"%PDF", "svg": b"<?xml"}[kind] in start


def test_other_formats_are_refused(make_study: Make, tmp_path: Path) -> None:
    space, record = make_study(9)
    with pytest.raises(UsageError, match=r"should end in \.png, \.pdf, \.svg"):
        write_front_plot(select(space, record), tmp_path / "front.bmp")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1.0, 1.01 * LOG_RATIO], "log"),
        ([1.0, 0.99 * LOG_RATIO], "linear"),
        ([0.0, 100.0], "linear"),
        ([-1.0, 100.0], "linear"),
        ([], "linear"),
    ],
)
def test_axes_of_widely_spread_positive_values_are_logarithmic(
    values: list[float], scale: str
) -> None:
    axes = Figure().add_subplot()
    scale_axis(axes, "y", values)
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", scale)


def test_a_label_has_the_unit_if_there_is_one() -> None:
    assert label("peak_memory_mib") == "peak_memory_mib [MiB]"
    assert label("fid") == "fid"
