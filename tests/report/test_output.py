"""Tables, CSV and pictures of a front."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image
from rich.console import Console

from gansearch.errors import UsageError
from gansearch.record import Ancestor, Outcome, Report, Score, StudyRecord, TrialRecord
from gansearch.report import select
from gansearch.report.curves import curves_figure
from gansearch.report.front.selection import finalists
from gansearch.report.front.standing import Interval
from gansearch.report.labels import Bar, place_labels
from gansearch.report.plots import front_figure, write_front_plot
from gansearch.report.style import png, write_figure
from gansearch.report.summary import summary
from gansearch.report.tables import (
    chance,
    front_table,
    scores_table,
    studies_table,
    with_interval,
    write_csv,
)
from gansearch.space.models import Bound, Space
from gansearch.text.readable import number

Make = Callable[..., tuple[Space, StudyRecord]]


def printed(renderable: object, width: int = 120) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(renderable)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_table_shows_every_point_with_units_and_the_knee(make_study: Make) -> None:
    selection = select(*make_study(60))
    text = printed(front_table(selection))
    table = text[: text.index("P(front):")]
    rows = [line.replace("★", "").split()[0] for line in table.splitlines()[4:] if line.strip()]
    assert rows == [str(t.number) for t in selection.front]
    assert selection.knee is not None
    starred = next(line for line in text.splitlines() if "★" in line)
    assert starred.split()[1] == str(selection.knee.number)
    assert "MiB" in text


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_a_front_is_whole_at_any_width(make_study: Make, width: int) -> None:
    space, record = make_study(60)
    selection = select(space, record)
    text = printed(front_table(selection, "Pareto front of synthetic-1"), width)
    assert "…" not in text
    assert all(len(line) <= width for line in text.splitlines())
    for objective in selection.objectives:
        assert objective.metric in text.split()
        for trial in selection.front:
            assert number(selection.values(trial)[objective.metric]) in text.split()
    assert text.index("fd_digits") < text.index("seconds_per_kimg") < text.index("g_lr")
    assert (sum("trial " in line for line in text.splitlines()) > 1) == (width < 100)


def test_table_says_who_is_there_by_noise_alone(make_study: Make) -> None:
    space, record = make_study(60)
    errors = {"seconds_per_kimg_error": 9.0, "peak_memory_mib_error": 1.0}

    def noisy(trial: TrialRecord) -> TrialRecord:
        return replace(
            trial,
            reports=tuple(replace(r, metrics={**r.metrics, **errors}) for r in trial.reports),
        )

    selection = select(space, replace(record, trials=tuple(map(noisy, record.trials))))
    text = printed(front_table(selection), 200)
    assert selection.by_noise
    for trial in selection.front:
        line = next(each for each in text.splitlines() if each[1:8].split() == [str(trial.number)])
        assert (line[0] == "~") == (trial in selection.by_noise)
    listed = ", ".join(str(trial.number) for trial in selection.by_noise)
    assert f"by noise alone, not recommended: trials {listed}" in text
    assert "seconds_per_kimg, peak_memory_mib: ± 95% interval of the measurement" in text
    assert "P(front)" in text
    assert chance(selection, selection.front[0]) in text


def test_table_shows_a_schedule_as_its_values(make_study: Make) -> None:
    space, record = make_study(20)
    first = select(space, record).front[0]
    lineage = tuple(
        Ancestor(number, {**first.params, "g_lr": rate}, kimg)
        for number, rate, kimg in ((3, 0.03, 5.0), (4, 0.02, 10.0))
    )
    child = replace(first, params={**first.params, "g_lr": 0.01}, lineage=lineage)
    trials = tuple(child if trial is first else trial for trial in record.trials)
    text = printed(front_table(select(space, replace(record, trials=trials))))
    assert "0.03 → 0.02 → 0.01" in " ".join(text.split())


def test_empty_table_says_why(make_study: Make) -> None:
    selection = select(*make_study(60), bounds=[Bound(metric="fd_digits", max=0.001)])
    assert "fd_digits <= 0.001 removes" in printed(front_table(selection))


def test_csv_keeps_full_precision(make_study: Make, tmp_path: Path) -> None:
    selection = select(*make_study(60))
    write_csv(selection, tmp_path / "front.csv")
    read = pd.read_csv(tmp_path / "front.csv")
    pd.testing.assert_frame_equal(read, selection.table, check_dtype=False, check_exact=True)


@pytest.mark.parametrize("trials", [0, 1, 2, 60], ids="{} trials".format)
@pytest.mark.parametrize("figure", [front_figure, curves_figure])
def test_pictures_of_studies_of_any_size(
    make_study: Make, tmp_path: Path, trials: int, figure: Callable[..., object]
) -> None:
    space, record = make_study(trials)
    write_figure(figure(record, select(space, record)), tmp_path / "plot.png")  # type: ignore[arg-type]
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
def test_front_of_other_objectives_is_drawn(make_study: Make, objectives: list[str]) -> None:
    space, record = make_study(20)
    figure = front_figure(record, select(space, record, objectives=objectives))
    assert png(figure).startswith(b"\x89PNG")


def test_a_likelihood_is_drawn_and_chosen_upwards(make_study: Make) -> None:
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
    axes = front_figure(record, selection).axes[0]
    assert axes.get_ylabel() == "parzen [nats], higher is better"
    assert png(curves_figure(record, selection)).startswith(b"\x89PNG")


def test_picture_shows_what_it_should(make_study: Make) -> None:
    space, record = make_study(60)
    selection = select(space, record)
    figure = front_figure(record, selection)
    legend = " ".join(text.get_text() for text in figure.legends[0].get_texts())
    diverged = sum(t.outcome == "diverged" for t in record.trials)
    assert f"front ({len(selection.front)})" in legend
    assert f"not shown: {diverged} diverged" in legend
    axes = figure.axes[0]
    assert axes.get_xlabel().startswith("seconds_per_kimg [s]")
    assert figure.axes[1].get_ylabel() == "peak_memory_mib [MiB]"
    notes = [text.get_text() for text in axes.texts]
    assert any("held-out real: 1.1" in note for note in notes)
    assert {str(t.number) for t in selection.front} <= set(notes)


def test_no_floor_where_it_is_not_known(make_study: Make) -> None:
    space, record = make_study(20)
    figure = front_figure(replace(record, tags={}), select(space, record))
    assert not any("real data" in text.get_text() for text in figure.axes[0].texts)


def test_same_study_gives_the_same_bytes(make_study: Make) -> None:
    space, record = make_study(20)
    first, second = (png(front_figure(record, select(space, record))) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_front_is_written_as_its_suffix_says(make_study: Make, tmp_path: Path, kind: str) -> None:
    space, record = make_study(9)
    write_front_plot(select(space, record), record, tmp_path / f"front.{kind}")
    start = (tmp_path / f"front.{kind}").read_bytes()[:200]
    assert {"png": b"PNG", "pdf": b"%PDF", "svg": b"<?xml"}[kind] in start


def test_other_kinds_of_pictures_are_refused(make_study: Make, tmp_path: Path) -> None:
    space, record = make_study(9)
    with pytest.raises(UsageError, match=r"should end in \.png, \.pdf, \.svg"):
        write_front_plot(select(space, record), record, tmp_path / "front.bmp")
    assert not list(tmp_path.iterdir())


def test_summary_says_what_there_is_and_what_opens_it(make_study: Make) -> None:
    space, record = make_study(40)
    knee = select(space, record).knee
    assert knee is not None
    text = printed(summary(space, record, Path("elsewhere")))
    assert f"gansearch train --from synthetic-1/{knee.number} --results elsewhere" in text
    assert "gansearch ui --results elsewhere" in text
    assert "1.1 is real data against held-out real" in text
    assert "4 diverged" in text
    assert "resume" not in text


def test_summary_of_a_front_that_cannot_be_ranked(make_study: Make) -> None:
    space, record = make_study(9)
    first = record.trials[0]
    reports = tuple(replace(r, protocols={"fd_digits": "other"}) for r in first.reports)
    unfinished = replace(record.trials[1], outcome=None)
    others = (unfinished, *record.trials[2:])
    record = replace(record, trials=(replace(first, reports=reports), *others))
    text = printed(summary(space, record, Path("results")))
    assert "different protocols" in text
    assert "gansearch resume synthetic-1" in text


def test_studies_are_listed() -> None:
    assert [line.strip() for line in printed(studies_table(["a", "b"])).split()[-2:]] == ["a", "b"]


def test_who_was_not_measured_alone_is_named_and_can_be_left_out(
    make_study: Make, tmp_path: Path
) -> None:
    space, record = make_study(40)
    front = select(space, record).front
    disturbed, *others = [trial.number for trial in front]

    def counted(trial: TrialRecord) -> TrialRecord:
        count = float(trial.number != disturbed)
        reports = (
            replace(r, metrics={**r.metrics, "measured_alone": count}) for r in trial.reports
        )
        return replace(trial, reports=tuple(reports))

    record = replace(record, trials=tuple(map(counted, record.trials)))
    selection = select(space, record)
    assert f"work may be in it: trials {disturbed}; " in printed(front_table(selection))
    write_csv(selection, tmp_path / "front.csv")
    table = pd.read_csv(tmp_path / "front.csv").set_index("trial")
    assert (table["measured_alone"] == 0).to_dict() == {n: n == disturbed for n in table.index}
    without = select(space, record, bounds=[Bound(metric="measured_alone", min=1)])
    assert set(others) <= {trial.number for trial in without.front}
    assert disturbed not in {trial.number for trial in without.front}
    assert not select(space, record, objectives=["fd_digits", "peak_memory_mib"]).disturbed


# --- Scored again -------------------------------------------------------------------------------


@pytest.fixture
def scored(make_study: Make) -> tuple[Space, StudyRecord]:
    """A study whose finalists, but for the last one, were scored again."""
    space, record = make_study(60)
    chosen = [trial.number for trial in finalists(space, record)[:-1]]
    trials = list(record.trials)
    for chosen_number in chosen:
        value = trials[chosen_number].last.metrics["fd_digits"]  # type: ignore[union-attr]
        score = Score(30.0, (1, 2), (0.8 * value, 0.9 * value), "10000 images [ab]", 0.0)
        trials[chosen_number] = replace(trials[chosen_number], scores={"fd_digits": score})
    return space, replace(record, trials=tuple(trials))


def test_table_and_summary_show_intervals_and_who_lacks_one(
    scored: tuple[Space, StudyRecord],
) -> None:
    space, record = scored
    selection = select(space, record)
    text = printed(summary(space, record, Path("results")))
    mean = selection.interval(selection.front[0], "fd_digits")
    assert mean is not None
    assert with_interval(mean) in text
    assert "2 seeds of latents); 10000 images [ab]" in text
    missing = ", ".join(str(trial.number) for trial in finalists(space, record)[-1:])
    assert (
        f"not scored again as the others were: trials {missing}; `gansearch rescore STUDY"
        in " ".join(text.split())
    )
    assert "score it again" not in text
    unscored = printed(summary(space, replace(record, trials=record.trials[:4]), Path("results")))
    assert "gansearch rescore synthetic-1" in unscored


def test_picture_shows_intervals_and_sets_apart_who_has_none(
    scored: tuple[Space, StudyRecord],
) -> None:
    space, record = scored
    selection = select(space, record)
    figure = front_figure(record, selection)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    apart = [t for t in selection.completed if not t.scores]
    assert "95% interval" in legend
    assert f"not scored again ({len(apart)})" in legend
    axes = figure.axes[0]
    bars = [
        (segment[0][1] + segment[1][1]) / 2
        for collection in axes.collections
        if type(collection).__name__ == "LineCollection"
        for segment in collection.get_segments()  # type: ignore[attr-defined]
    ]
    means = [selection.values(t)["fd_digits"] for t in record.trials if t.scores]
    assert sorted(bars) == pytest.approx(sorted(means))
    assert any("as the search measures: 1.1" in text.get_text() for text in axes.texts)
    none = select(space, record, bounds=[Bound(metric="fd_digits", max=0.001)])
    assert "removes" in printed(front_table(none))
    assert png(front_figure(record, none)).startswith(b"\x89PNG")
    plain = select(space, replace(record, trials=record.trials[:4]))
    words = [text.get_text() for text in front_figure(record, plain).legends[0].get_texts()]
    assert not any("again" in word or "interval" in word for word in words)


def test_table_and_picture_show_how_many_trainings_a_point_has(make_study: Make) -> None:
    space, record = make_study(20)
    first = select(space, record).front[0]
    again = replace(first, number=20, seed=1, replicates=first.number)
    lost = replace(again, number=21, outcome=Outcome.DIVERGED, reports=())
    repeated = replace(record, trials=(*record.trials, again, lost))
    selection = select(space, repeated)
    text = printed(front_table(selection))
    assert "2 of 3" in text
    assert "mean ± 95% interval over their seeds" in text
    assert "the others diverged" in text
    notes = [each.get_text() for each in front_figure(repeated, selection).axes[0].texts]
    assert f"{first.number} (n = 2 of 3)" in notes
    assert png(curves_figure(repeated, selection)).startswith(b"\x89PNG")
    assert "interval" not in printed(front_table(select(space, record)))


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [
        (1.23456, 0.0512, "1.235 ± 0.051"),
        (81.7885, 3.4449, "81.8 ± 3.4"),
        (1234.5, 41.2, "1234 ± 41"),
        (0.5, 123.4, "0 ± 123"),
        (2.0, 0.0, "2"),
        (0.0, 0.0, "0"),
        (2.123456, None, "2.123"),
    ],
)
def test_a_mean_has_the_digits_of_its_interval(mean: float, half: float | None, text: str) -> None:
    assert with_interval(Interval(mean, half)) == text


def test_scores_are_a_table() -> None:
    rows = [("fid", (10.0, 11.0), "900 images [ab]"), ("kid", (0.123456789,), "[cd]")]
    text = printed(scores_table(rows))
    assert "10.5 ± 6.4  900 images [ab]" in text
    assert "0.123457  [cd]" in text
    assert "95% interval" in text
    assert "95%" not in printed(scores_table(rows[1:]))


# --- Bounds and labels --------------------------------------------------------------------------


def test_bounds_are_lines_in_the_picture(make_study: Make) -> None:
    space, record = make_study(60)
    plain = front_figure(record, select(space, record)).axes[0]
    bounds = [Bound(metric="seconds_per_kimg", max=1.5), Bound(metric="fd_digits", min=2.0)]
    axes = front_figure(record, select(space, record, bounds=bounds)).axes[0]
    notes = {text.get_text() for text in axes.texts}
    assert {"seconds_per_kimg ≤ 1.5", "fd_digits ≥ 2"} <= notes
    lines = [list(line.get_xdata()) for line in axes.lines]  # type: ignore[arg-type]
    heights = [list(line.get_ydata()) for line in axes.lines]  # type: ignore[arg-type]
    assert [1.5, 1.5] in lines
    assert [2.0, 2.0] in heights
    assert len(axes.lines) == len(plain.lines) + 2
    # What no axis shows has no line.
    memory = select(space, record, bounds=[Bound(metric="peak_memory_mib", max=500)])
    assert len(front_figure(record, memory).axes[0].lines) == len(plain.lines)


@pytest.mark.parametrize("log", [False, True])
def test_labels_cover_neither_bars_nor_each_other(log: bool) -> None:
    random = np.random.default_rng(0)
    figure = Figure(figsize=(8, 5), dpi=160, layout="constrained")
    axes = figure.add_subplot()
    bars = [Bar(*random.uniform(1, 9, 2), *random.uniform(0, 0.8, 2)) for _ in range(12)]
    for bar in bars:
        axes.errorbar(bar.x, bar.y, xerr=bar.across, yerr=bar.along)
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
                (bar.x - bar.across, bar.y, bar.x + bar.across, bar.y),
                (bar.x, bar.y - bar.along, bar.x, bar.y + bar.along),
            ):
                ends = axes.transData.transform([(left, low), (right, high)])
                assert not box.overlaps(Bbox(ends))
