"""The surrogate that a sampler and a stopping rule share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gansearch.record import Ancestor, Outcome, Report, TrialRecord
from gansearch.search.bayesian.model import Model, SharedModel
from gansearch.space import Space


def observe(model: Model, trial: TrialRecord, report: Report) -> None:
    model.add(trial)
    reported = replace(trial, reports=(report,))
    model.report(reported)
    model.end(replace(reported, outcome=Outcome.COMPLETED, ended=2.0))


@pytest.mark.parametrize("lineage", [(), (Ancestor(0, {"variant": "gan"}, 5.0),)])
def test_trials_that_continue_others_are_not_observed(
    lineage: tuple[Ancestor, ...],
    make_space: Callable[..., Space],
    trial: Callable[..., TrialRecord],
    report: Callable[..., Report],
) -> None:
    model = Model(make_space())
    for number in range(12):
        observe(model, trial(number, lineage=lineage), report(30, 10.0 + number))
    assert (model.state() is None) == bool(lineage)


def test_it_is_built_once_and_only_if_asked_for(make_space: Callable[..., Space]) -> None:
    shared = SharedModel(make_space())
    assert shared.built == ()
    assert shared.get() is shared.get()
    assert shared.built == (shared.get(),)
