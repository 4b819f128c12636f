"""Where checkpoints are: on record relative to the results folder, which may be moved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gansearch.record import Outcome, Report, TrialRecord
from gansearch.search.policy import Policy
from gansearch.search.storage.addresses import recorded, resolved
from gansearch.search.storage.store import StudyStore, read_study
from gansearch.space import Space

MakeSpace = Callable[..., Space]
MakeTrial = Callable[..., TrialRecord]
MakeReport = Callable[..., Report]


def at(trial: TrialRecord) -> list[str | None]:
    return [report.checkpoint for report in trial.reports]


@pytest.mark.parametrize("results", [Path("here"), Path("/x #1%20é/results")])
def test_a_moved_results_folder_has_its_checkpoints(
    results: Path,
    url: str,
    make_space: MakeSpace,
    trial: MakeTrial,
    report: MakeReport,
) -> None:
    kept = str(results.absolute() / "s" / "trial_00000" / "kimg_30_ab")
    whole = trial(reports=(replace(report(30), checkpoint=kept),), outcome=Outcome.COMPLETED)
    whole = replace(whole, ended=9.0)
    with StudyStore.create(url, "s", make_space(), results=results) as store:
        store.record_trial(replace(whole, reports=(), outcome=None, ended=None))
        store.record_report(whole, whole.reports[0])
        store.record_end(whole)
    assert at(read_study(url, "s")[1].trials[0]) == ["s/trial_00000/kimg_30_ab"]
    assert read_study(url, "s", results)[1].trials == (whole,)
    moved = Path("/else/where")
    there = [f"{moved}/s/trial_00000/kimg_30_ab"]
    assert at(read_study(url, "s", moved)[1].trials[0]) == there
    with StudyStore.open(url, "s", results=moved) as store:
        store.extend(max_kimg=60)
        assert at(Policy(store.space, store.study, store).record().trials[0]) == there
    assert at(read_study(url, "s")[1].trials[0]) == ["s/trial_00000/kimg_30_ab"]


@pytest.mark.parametrize(
    ("on_record", "found"),
    [
        ("/old/results/s/trial_00007/kimg_5_ab", "/new/s/trial_00007/kimg_5_ab"),  # before
        ("s/trial_100000/kimg_5_ab", "/new/s/trial_100000/kimg_5_ab"),
        ("s3://bucket/s/trial_00007/kimg_5_ab", "s3://bucket/s/trial_00007/kimg_5_ab"),
        ("/weights/kimg_5", "/weights/kimg_5"),
        (None, None),
    ],
)
def test_recorded_addresses_are_resolved_in_the_results(
    on_record: str | None,
    found: str | None,
    make_study: Callable[..., tuple[Space, object]],
    trial: MakeTrial,
    report: MakeReport,
) -> None:
    one = trial(reports=(replace(report(5), checkpoint=on_record),))
    _, study = make_study(0)
    study = replace(study, trials=(one,))  # type: ignore[type-var]
    assert at(resolved(study, Path("/new")).trials[0]) == [found]  # type: ignore[arg-type]
    assert recorded(one, None) == one
