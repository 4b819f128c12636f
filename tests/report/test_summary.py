"""The closing summary of a study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gansearch.record import StudyRecord
from gansearch.report import select
from gansearch.report.summary import summary
from gansearch.space import Space

Make = Callable[..., tuple[Space, StudyRecord]]
Printed = Callable[..., str]


def test_summary_has_outcomes_and_next_commands(printed: Printed, make_study: Make) -> None:
    space, record = make_study(40)
    knee = select(space, record).knee
    assert knee is not None
    text = printed(summary(space, record, Path("elsewhere"), select(space, record)))
    assert f"gansearch train --from synthetic-1/{knee.number} --results elsewhere" in text
    assert "gansearch ui --results elsewhere" in text
    assert "1.1, real data against held-out real data" in text
    assert "4 diverged" in text
    assert "resume" not in text


def test_summary_of_a_front_that_cannot_be_ranked(printed: Printed, make_study: Make) -> None:
    space, record = make_study(9)
    first = record.trials[0]
    reports = tuple(replace(r, protocols={"fd_digits": "other"}) for r in first.reports)
    unfinished = replace(record.trials[1], outcome=None)
    others = (unfinished, *record.trials[2:])
    record = replace(record, trials=(replace(first, reports=reports), *others))
    text = printed(summary(space, record, Path("results"), None))
    assert "Pareto front of" not in text
    assert "gansearch resume synthetic-1" in text


def test_rescoring_is_offered_until_it_is_done(
    make_study: Make, rescored: tuple[Space, StudyRecord], printed: Printed
) -> None:
    space, record = make_study(60)
    before = summary(space, record, Path("results"), select(space, record))
    assert "gansearch rescore synthetic-1" in printed(before)
    text = printed(summary(*rescored, Path("results"), select(*rescored)))
    assert "gansearch rescore synthetic-1" not in text
    assert "2 seeds of latents); 10000 images [ab]" in text
