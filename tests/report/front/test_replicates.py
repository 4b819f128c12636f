"""Trainings of one configuration as one point."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gansearch.errors import ProtocolError
from gansearch.record import Outcome
from gansearch.report import select
from gansearch.report.front.selection import finalists


def test_trainings_of_a_configuration_are_one_point(
    make_trial: Any, numbers: Any, training: Any, study: Any
) -> None:
    lucky, steady = make_trial(0, 4.0, 2, 5), make_trial(1, 5.0, 2, 5)
    trials = (lucky, steady, training(2, lucky, 8.0, 2, 5), training(3, lucky, 9.0, 2, 5))
    selection = select(*study(*trials))
    assert (numbers(selection.front), numbers(selection.completed)) == ([1], [0])
    more = training(4, steady, 6.0, 3, 5)
    selection = select(*study(*trials, more), objectives=["fd_digits"])
    assert numbers(selection.front) == [1]
    assert numbers(selection.trainings(steady)) == [1, 4]
    assert selection.values(steady)["fd_digits"] == 5.5
    interval = selection.interval(steady, "fd_digits")
    assert interval is not None
    assert interval.half == pytest.approx(12.706 * 0.5, rel=1e-3)  # t(0.975, 1) s / √2
    row = selection.to_frame().iloc[0]
    assert (row["trainings"], row["failed"], row["seed"]) == (2, 0, 0)
    assert (row["seconds_per_kimg"], row["peak_memory_mib"]) == (2.5, 5)
    assert (row["fd_digits_low"], row["fd_digits_high"]) == (interval.low, interval.high)


def test_searched_seeds_are_one_point_and_equal_seeds_count_once(
    make_trial: Any, study: Any
) -> None:
    first = make_trial(0, 4.0, 2, 5)
    seeds = [replace(first, number=n, seed=n, params={**first.params, "seed": n}) for n in range(3)]
    again = replace(seeds[2], number=3)
    (point,) = select(*study(*seeds, again)).estimates.values()
    assert len(point.trainings) == 3


def test_a_configuration_with_failures_does_not_dominate_one_without(
    make_trial: Any, numbers: Any, training: Any, study: Any
) -> None:
    risky, steady = make_trial(0, 4.0, 2, 5), make_trial(1, 5.0, 2, 5)
    diverged = training(2, risky, outcome=Outcome.DIVERGED)
    selection = select(*study(risky, steady, diverged))
    assert numbers(selection.front) == [0, 1]
    assert [selection.failures(t) for t in selection.front] == [1, 0]
    assert selection.values(risky)["fd_digits"] == 4.0
    # A machine's failure is not in the failure rate.
    failed = replace(diverged, outcome=Outcome.FAILED)
    assert numbers(select(*study(risky, steady, failed)).front) == [0]
    # It may be dominated itself.
    worse = replace(steady, reports=make_trial(1, 3.0, 2, 5).reports)
    assert numbers(select(*study(risky, worse, diverged)).front) == [1]


def test_rescored_trainings_count_with_the_means_of_their_scores(
    make_trial: Any, numbers: Any, rescored: Any, training: Any, study: Any
) -> None:
    first = rescored(make_trial(0, 9.0, 2, 5), 4.0, 4.2)
    second = rescored(training(1, first, 9.0, 2, 5), 5.0, 5.2)
    third = training(2, first, 1.0, 2, 5)
    selection = select(*study(first, second, third))
    assert selection.values(first)["fd_digits"] == pytest.approx(4.6)
    interval = selection.interval(first, "fd_digits")
    assert interval is not None
    assert interval.half == pytest.approx(12.706 * 0.5, rel=1e-3)
    assert numbers(selection.not_rescored) == [2]
    assert numbers(finalists(*study(first, second, third))) == [0, 1, 2]


def test_trainings_by_different_protocols_have_no_mean(
    make_trial: Any, training: Any, study: Any
) -> None:
    first = make_trial(0, 5, 5, 5, protocols={"fd_digits": "digits-900"})
    other = training(1, first, 5, 5, 5, protocols={"fd_digits": "digits-250"})
    with pytest.raises(ProtocolError, match=r"digits-900 \(trial 0\) and digits-250 \(trial 1\)"):
        select(*study(first, other))


def test_scatter_between_trainings_enlarges_the_errors_of_all_points(
    numbers: Any, noisy: Any, study: Any
) -> None:
    good, slower = noisy(0, 9.7, 0.389, 1.7), noisy(1, 16.9, 0.3, 3.4)
    assert select(*study(good, slower)).by_noise == ()
    times = (0.389, 0.3, 0.5)
    again = [
        replace(noisy(n, 9.7, seconds, 1.7), params=good.params, seed=n)
        for n, seconds in enumerate(times[1:], start=2)
    ]
    selection = select(*study(good, slower, *again))
    assert numbers(selection.by_noise) == [1]
    errors = selection.estimates[1].errors
    assert errors["seconds_per_kimg"] > 2 * 0.03 * 0.3
    assert errors["peak_memory_mib"] == pytest.approx(0.03 * 3.4)  # which did not scatter


def test_errors_of_scores_are_pooled_over_all_trials(
    make_trial: Any, rescored: Any, study: Any
) -> None:
    """Two equal scores of one trial do not make its value exact."""
    lucky, other = (
        rescored(make_trial(0, 5, 5, 5), 4.0, 4.0),
        rescored(make_trial(1, 5, 5, 6), 3.6, 4.4),
    )
    selection = select(*study(lucky, other))
    share = np.sqrt(2 * 0.1**2 / 2)  # (s / mean)², pooled over two groups of two
    assert selection.estimates[0].errors["fd_digits"] == pytest.approx(4 * share / np.sqrt(2))
    assert 0 < selection.probabilities[0] <= 1
