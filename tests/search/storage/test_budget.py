"""A study's budget on record: what it may be changed to, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gansearch.errors import StudyError
from gansearch.record import Outcome, Report
from gansearch.search.policy import Policy
from gansearch.search.storage.store import StudyStore, read_study
from gansearch.space import Space

MakeSpace = Callable[..., Space]


@pytest.fixture
def finished(url: str, make_space: MakeSpace, report: Callable[..., Report]) -> str:
    """The storage of a study ``s`` of two trials to 30 kimg: one completed, one diverged."""
    with StudyStore.create(url, "s", make_space(trials=2)) as store:
        policy = Policy(store.space, store.study, store)
        policy.ask()
        policy.report(0, report(5, 9))
        policy.report(0, report(30, 7))
        policy.tell(0, Outcome.COMPLETED)
        policy.ask()
        policy.tell(1, Outcome.DIVERGED)
    return url


@pytest.mark.parametrize(
    "amounts",
    [
        {"max_kimg": float("inf")},
        {"max_kimg": float("nan")},
        {"max_kimg": -1.0},
        {"max_kimg": "much"},
        {"trials": 2.5},
        {"trials": 1},
        {"max_kimg": 29.0},
        {"trials": 5, "max_kimg": float("inf")},
    ],
)
def test_an_invalid_amount_changes_nothing(finished: str, amounts: dict[str, Any]) -> None:
    before = read_study(finished, "s")
    with pytest.raises(StudyError, match="study 's'"), StudyStore.open(finished, "s") as store:
        store.extend(**amounts)
    assert read_study(finished, "s") == before


def test_an_unused_extension_can_be_reverted(finished: str) -> None:
    space, before = read_study(finished, "s")
    with StudyStore.open(finished, "s") as store:
        store.extend(trials=9, max_kimg=60)
        assert store.study.trials[0].outcome is None
    with StudyStore.open(finished, "s") as store:
        store.extend(trials=2, max_kimg=30)
        assert Policy(store.space, store.study, store).ask() is None
    again_space, again = read_study(finished, "s")
    assert again_space == space
    assert again.tags == before.tags
    assert [t.outcome for t in again.trials] == [Outcome.COMPLETED, Outcome.DIVERGED]
    assert [t.reports for t in again.trials] == [t.reports for t in before.trials]


def test_a_used_amount_cannot_be_reduced(finished: str, report: Callable[..., Report]) -> None:
    with StudyStore.open(finished, "s") as store:
        store.extend(trials=3, max_kimg=60)
        policy = Policy(store.space, store.study, store)
        policy.ask()
        policy.report(0, report(60, 6))
        policy.ask()
    with StudyStore.open(finished, "s") as store:
        with pytest.raises(StudyError, match=r"has max_kimg 60 used; .* \(got 30\)"):
            store.extend(max_kimg=30)
        with pytest.raises(StudyError, match=r"has trials 3 used; .* \(got 2\)"):
            store.extend(trials=2)
    space, record = read_study(finished, "s")
    assert (space.budget.trials, space.budget.max_kimg) == (3, 60)
    assert record.trials[0].outcome is Outcome.COMPLETED
