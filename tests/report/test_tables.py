"""Tables and CSV of a front, of scores, of studies and of comparisons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from gansearch.record import Ancestor, Outcome, StudyRecord, TrialRecord
from gansearch.report import select
from gansearch.report.front.estimates import Interval
from gansearch.report.front.selection import finalists
from gansearch.report.tables import (
    front_table,
    probability_text,
    scores_table,
    studies_table,
    with_interval,
    write_csv,
)
from gansearch.space import Bound, Space
from gansearch.text.readable import number

Make = Callable[..., tuple[Space, StudyRecord]]
Printed = Callable[..., str]


def test_table_shows_every_point_with_units_and_the_knee(
    printed: Printed, make_study: Make
) -> None:
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
def test_a_front_is_complete_at_any_width(printed: Printed, make_study: Make, width: int) -> None:
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


def test_points_on_the_front_by_noise_alone_are_marked(printed: Printed, make_study: Make) -> None:
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
    assert probability_text(selection, selection.front[0]) in text


def test_table_shows_a_schedule_as_its_values(printed: Printed, make_study: Make) -> None:
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


def test_an_empty_table_gives_the_reason(printed: Printed, make_study: Make) -> None:
    selection = select(*make_study(60), bounds=[Bound(metric="fd_digits", max=0.001)])
    assert "fd_digits <= 0.001 removes" in printed(front_table(selection))


def test_csv_keeps_full_precision(make_study: Make, tmp_path: Path) -> None:
    selection = select(*make_study(60))
    write_csv(selection, tmp_path / "front.csv")
    read = pd.read_csv(tmp_path / "front.csv")
    pd.testing.assert_frame_equal(read, selection.to_frame(), check_dtype=False, check_exact=True)


def test_trials_that_were_not_measured_alone_are_named_and_can_be_excluded(
    printed: Printed, make_study: Make, tmp_path: Path
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
    assert f"other processes' work: trials {disturbed}; " in printed(front_table(selection), 200)
    write_csv(selection, tmp_path / "front.csv")
    table = pd.read_csv(tmp_path / "front.csv").set_index("trial")
    assert (table["measured_alone"] == 0).to_dict() == {n: n == disturbed for n in table.index}
    without = select(space, record, bounds=[Bound(metric="measured_alone", min=1)])
    assert set(others) <= {trial.number for trial in without.front}
    assert disturbed not in {trial.number for trial in without.front}
    assert not select(space, record, objectives=["fd_digits", "peak_memory_mib"]).disturbed


def test_rescored_points_have_intervals_and_others_are_named(
    printed: Printed,
    rescored: tuple[Space, StudyRecord],
) -> None:
    space, record = rescored
    selection = select(space, record)
    text = printed(front_table(selection))
    mean = selection.interval(selection.front[0], "fd_digits")
    assert mean is not None
    assert with_interval(mean) in text
    assert "2 seeds of latents); 10000 images [ab]" in text
    missing = ", ".join(str(trial.number) for trial in finalists(space, record)[-1:])
    assert f"not rescored like the others: trials {missing}; `gansearch rescore STUDY" in " ".join(
        text.split()
    )


def test_table_shows_the_number_of_trainings_of_a_point(printed: Printed, make_study: Make) -> None:
    space, record = make_study(20)
    first = select(space, record).front[0]
    again = replace(first, number=20, seed=1, replicates=first.number)
    failed = replace(again, number=21, outcome=Outcome.DIVERGED, reports=())
    repeated = replace(record, trials=(*record.trials, again, failed))
    selection = select(space, repeated)
    text = printed(front_table(selection))
    assert "2 of 3" in text
    assert "mean ± 95% interval over the seeds" in text
    assert "the others diverged" in text
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


def test_scores_have_means_with_intervals_and_protocols(printed: Printed) -> None:
    rows = [("fid", (10.0, 11.0), "900 images [ab]"), ("kid", (0.123456789,), "[cd]")]
    text = printed(scores_table(rows))
    assert "10.5 ± 6.4  900 images [ab]" in text
    assert "0.123457  [cd]" in text
    assert "95% interval" in text
    assert "95%" not in printed(scores_table(rows[1:]))


def test_studies_are_listed_in_order(printed: Printed) -> None:
    assert [line.strip() for line in printed(studies_table(["a", "b"])).split()[-2:]] == ["a", "b"]
