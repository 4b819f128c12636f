"""Selection of the front, its table, and the finalists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gansearch.pareto import non_dominated
from gansearch.record import Outcome, StudyRecord
from gansearch.report import select
from gansearch.report.front.criteria import Criteria
from gansearch.report.front.noise import QUALITY_TOLERANCE
from gansearch.report.front.selection import finalists, near_front
from gansearch.space import Space

Make = Callable[..., tuple[Space, StudyRecord]]
OBJECTIVES = ("fd_digits", "seconds_per_kimg", "peak_memory_mib")


def test_the_front_is_that_of_the_completed_trials(numbers: Any, make_study: Make) -> None:
    space, record = make_study(60)
    selection = select(space, record)
    done = [t for t in record.trials if t.outcome is Outcome.COMPLETED]
    points = np.array([[t.last.metrics[o] for o in OBJECTIVES] for t in done if t.last])
    expected = {t.number for t, on in zip(done, non_dominated(points), strict=True) if on}
    assert set(numbers(selection.front)) == expected
    assert set(numbers(selection.completed)) == {t.number for t in done} - expected
    assert len(selection.front) + len(selection.completed) + len(selection.rest) == 60
    assert selection.knee in selection.front
    best = [t.last.metrics["fd_digits"] for t in selection.front if t.last]
    assert best == sorted(best)


@pytest.mark.parametrize("outcome", [None, *(o for o in Outcome if o is not Outcome.COMPLETED)])
def test_only_completed_trials_are_on_the_front(
    make_trial: Any, numbers: Any, study: Any, outcome: Outcome | None
) -> None:
    selection = select(*study(make_trial(0, 5, 5, 5), make_trial(1, 1, 1, 1, outcome=outcome)))
    assert numbers(selection.front) == [0]
    assert numbers(selection.rest) == [1]


def test_a_trial_that_completed_a_smaller_budget_is_not_ranked(
    make_trial: Any, numbers: Any, study: Any
) -> None:
    selection = select(*study(make_trial(0, 5, 5, 5), make_trial(1, 1, 1, 1, kimg=10.0)))
    assert (numbers(selection.front), numbers(selection.rest)) == ([0], [1])


def test_a_study_without_completed_trials_has_a_message(make_trial: Any, study: Any) -> None:
    selection = select(*study(make_trial(0, 1, 1, 1, outcome=Outcome.DIVERGED)))
    assert "full budget of 30 kimg" in selection.message


def test_the_front_is_that_of_the_rescored_means(
    make_trial: Any, numbers: Any, rescored: Any, study: Any
) -> None:
    lucky, steady, cheap = (
        make_trial(0, 4.0, 2, 5),
        make_trial(1, 4.1, 2, 5),
        make_trial(2, 9.0, 1, 5),
    )
    assert numbers(select(*study(lucky, steady, cheap)).front) == [0, 2]
    again = (rescored(lucky, 4.4, 4.6), rescored(steady, 4.0, 4.2), rescored(cheap, 8, 8))
    selection = select(*study(*again))
    assert numbers(selection.front) == [1, 2]
    assert selection.values(again[1])["fd_digits"] == pytest.approx(4.1)
    interval = selection.interval(again[1], "fd_digits")
    assert interval is not None
    assert interval.half == pytest.approx(12.706 * 0.1, rel=1e-3)  # t(0.975, 1) s / √2
    assert selection.interval(again[1], "seconds_per_kimg") is None
    row = selection.to_frame().iloc[0]
    assert (row["fd_digits_low"], row["fd_digits_high"]) == (interval.low, interval.high)
    assert selection.knee in selection.front
    assert "fd_digits_low" not in select(*study(lucky, cheap)).to_frame().columns


def test_finalists_that_were_not_rescored_are_named_and_not_ranked(
    make_trial: Any, numbers: Any, rescored: Any, study: Any
) -> None:
    front, new, poor = (
        rescored(make_trial(0, 5, 5, 5), 4, 4),
        make_trial(1, 1, 9, 9),
        make_trial(2, 50, 50, 50),
    )
    selection = select(*study(front, new, poor))
    assert numbers(selection.front) == [0]
    assert numbers(selection.not_rescored) == [1]
    assert numbers(selection.completed) == [1, 2]
    # Where quality is not asked for, there is nothing that would have to be scored.
    times = select(*study(front, new, poor), objectives=["seconds_per_kimg"])
    assert (numbers(times.front), times.not_rescored) == ([0], ())


def test_finalists_are_on_the_front_or_within_the_noise_of_it(
    make_trial: Any, numbers: Any, rescored: Any, study: Any
) -> None:
    best = make_trial(0, 4.0, 2, 5)
    close = make_trial(1, 4.0 / (1 - QUALITY_TOLERANCE) - 1e-6, 2, 5)
    far = make_trial(2, 4.0 / (1 - QUALITY_TOLERANCE) + 1e-3, 2, 5)
    slow = make_trial(3, 4.0, 2.0001, 5)  # time is not measured on samples
    other = make_trial(4, 9.0, 1, 5)
    space, record = study(best, close, far, slow, other)
    assert numbers(finalists(space, record)) == [0, 1, 3, 4]
    # What was scored since decides nothing: the same are finalists again.
    again = replace(record, trials=(rescored(best, 99.0, 99.0), *record.trials[1:]))
    assert numbers(finalists(space, again)) == [0, 1, 3, 4]
    assert finalists(*study(make_trial(0, 1, 1, 1, outcome=Outcome.STOPPED))) == ()


def test_scatter_between_trainings_does_not_add_configurations_near_the_front(
    make_trial: Any, numbers: Any, study: Any
) -> None:
    one, other = make_trial(0, 3.0, 2, 5), make_trial(1, 5.0, 2, 5)
    other = replace(other, params=one.params, seed=1, replicates=0)  # 4.0 in the mean
    space, record = study(one, other, make_trial(2, 4.1, 2, 5), make_trial(3, 4.8, 2, 5))
    near = near_front(Criteria.of(space, None, ()), record.trials, space.budget.max_kimg)
    assert [numbers(estimate.trainings) for estimate in near] == [[0, 1], [2]]
    assert numbers(finalists(space, record)) == [0, 1, 2]
    # The reported standard errors include the scatter.
    assert select(space, record).estimates[3].errors["fd_digits"] > 0.5


def test_finalists_contain_the_front(numbers: Any, make_study: Make) -> None:
    space, record = make_study(60)
    assert set(numbers(select(space, record).front)) <= set(numbers(finalists(space, record)))


def test_costs_have_intervals_from_their_standard_errors(noisy: Any, study: Any) -> None:
    selection = select(*study(noisy(0, 9.7, 0.4, 1.7)))
    interval = selection.interval(selection.front[0], "seconds_per_kimg")
    assert interval is not None
    assert interval.half == pytest.approx(1.96 * 0.03 * 0.4, rel=1e-3)
    assert selection.interval(selection.front[0], "fd_digits") is None
    row = selection.to_frame().iloc[0]
    assert row["seconds_per_kimg_high"] == pytest.approx(0.4 * (1 + 1.96 * 0.03), rel=1e-3)
    assert (row["probability"], row["by_noise"]) == (1.0, False)
