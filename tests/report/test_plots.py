"""The plot of a front."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from gansearch.record import Outcome, Report, StudyRecord
from gansearch.report import select
from gansearch.report.plots import front_figure
from gansearch.report.style import png, write_figure
from gansearch.space import Bound, Space

Make = Callable[..., tuple[Space, StudyRecord]]


@pytest.mark.parametrize("trials", [0, 1, 2, 60], ids="{} trials".format)
def test_studies_of_any_size_have_a_plot(make_study: Make, tmp_path: Path, trials: int) -> None:
    space, record = make_study(trials)
    write_figure(front_figure(select(space, record)), tmp_path / "plot.png")
    image = Image.open(tmp_path / "plot.png")
    assert image.width >= 1000
    assert len(image.convert("L").getcolors() or []) > 10


@pytest.mark.parametrize(
    "objectives",
    [
        ["fd_digits"],
        ["seconds_per_kimg", "peak_memory_mib"],
        ["peak_memory_mib", "fd_digits"],
    ],
)
def test_a_front_of_other_objectives_is_drawn(make_study: Make, objectives: list[str]) -> None:
    space, record = make_study(20)
    figure = front_figure(select(space, record, objectives=objectives))
    assert png(figure).startswith(b"\x89PNG")


def test_a_maximised_metric_of_either_sign_is_drawn(make_study: Make) -> None:
    objectives = (
        {"metric": "parzen", "direction": "maximize"},
        {"metric": "seconds_per_kimg", "direction": "minimize"},
    )
    space, record = make_study(40, objectives=objectives)

    def with_likelihood(report: Report) -> Report:
        likelihood = 20.0 - report.metrics["fd_digits"]  # of either sign
        return replace(
            report,
            metrics={**report.metrics, "parzen": likelihood},
            protocols={"parzen": "900 images"},
        )

    trials = tuple(
        replace(trial, reports=tuple(map(with_likelihood, trial.reports)))
        for trial in record.trials
    )
    record = replace(record, trials=trials, tags={"floor/parzen": "21.5"})
    selection = select(space, record)
    values = [t.last.metrics["parzen"] for t in (*selection.front, *selection.completed) if t.last]
    assert min(values) < 0 < max(values)
    best = max(values)
    assert any(t.last and t.last.metrics["parzen"] == best for t in selection.front)
    distances = make_study(40)[1]
    assert {t.number for t in selection.front} == {
        t.number
        for t in select(space, distances, objectives=["fd_digits", "seconds_per_kimg"]).front
    }
    axes = front_figure(selection).axes[0]
    assert axes.get_ylabel() == "parzen [nats], higher is better"


def test_plot_has_legend_axes_floor_and_labels(make_study: Make) -> None:
    space, record = make_study(60)
    selection = select(space, record)
    figure = front_figure(selection)
    legend = " ".join(text.get_text() for text in figure.legends[0].get_texts())
    diverged = sum(t.outcome == "diverged" for t in record.trials)
    assert f"front ({len(selection.front)})" in legend
    assert f"not shown: {diverged} diverged" in legend
    axes = figure.axes[0]
    assert axes.get_xlabel().startswith("seconds_per_kimg [s]")
    assert figure.axes[1].get_ylabel() == "peak_memory_mib [MiB]"
    notes = [text.get_text() for text in axes.texts]
    assert any("held-out real data: 1.1" in note for note in notes)
    assert {str(t.number) for t in selection.front} <= set(notes)


def test_rescored_trials_have_intervals_and_the_others_are_apart(
    rescored: tuple[Space, StudyRecord],
) -> None:
    space, record = rescored
    selection = select(space, record)
    figure = front_figure(selection)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    apart = [t for t in selection.completed if not t.scores]
    assert "95% interval" in legend
    assert f"not rescored ({len(apart)})" in legend
    axes = figure.axes[0]
    bars = [
        (segment[0][1] + segment[1][1]) / 2
        for collection in axes.collections
        if type(collection).__name__ == "LineCollection"
        for segment in collection.get_segments()  # type: ignore[attr-defined]
    ]
    means = [selection.values(t)["fd_digits"] for t in record.trials if t.scores]
    assert sorted(bars) == pytest.approx(sorted(means))
    assert any("with the search's protocol: 1.1" in text.get_text() for text in axes.texts)
    none = select(space, record, bounds=[Bound(metric="fd_digits", max=0.001)])
    assert png(front_figure(none)).startswith(b"\x89PNG")
    plain = select(space, replace(record, trials=record.trials[:4]))
    words = [text.get_text() for text in front_figure(plain).legends[0].get_texts()]
    assert not any("rescored" in word or "interval" in word for word in words)


def test_labels_have_the_number_of_trainings(make_study: Make) -> None:
    space, record = make_study(20)
    first = select(space, record).front[0]
    again = replace(first, number=20, seed=1, replicates=first.number)
    failed = replace(again, number=21, outcome=Outcome.DIVERGED, reports=())
    repeated = replace(record, trials=(*record.trials, again, failed))
    selection = select(space, repeated)
    notes = [each.get_text() for each in front_figure(selection).axes[0].texts]
    assert f"{first.number} (n = 2 of 3)" in notes


def test_bounds_on_the_axes_are_lines(make_study: Make) -> None:
    space, record = make_study(60)
    plain = front_figure(select(space, record)).axes[0]
    bounds = [Bound(metric="seconds_per_kimg", max=1.5), Bound(metric="fd_digits", min=2.0)]
    axes = front_figure(select(space, record, bounds=bounds)).axes[0]
    notes = {text.get_text() for text in axes.texts}
    assert {"seconds_per_kimg ≤ 1.5", "fd_digits ≥ 2"} <= notes
    lines = [list(line.get_xdata()) for line in axes.lines]  # type: ignore[arg-type]
    heights = [list(line.get_ydata()) for line in axes.lines]  # type: ignore[arg-type]
    assert [1.5, 1.5] in lines
    assert [2.0, 2.0] in heights
    assert len(axes.lines) == len(plain.lines) + 2
    # What no axis shows has no line.
    memory = select(space, record, bounds=[Bound(metric="peak_memory_mib", max=500)])
    assert len(front_figure(memory).axes[0].lines) == len(plain.lines)
