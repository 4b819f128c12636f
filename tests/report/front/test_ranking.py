"""Order of the front, the recommended point, and points that are there by noise alone."""

from __future__ import annotations

from typing import Any

from gansearch.report import select


def test_duplicates_stay_on_the_front(make_trial: Any, study: Any) -> None:
    assert len(select(*study(make_trial(0, 1, 1, 1), make_trial(1, 1, 1, 1))).front) == 2


def test_weights_order_the_front(make_trial: Any, numbers: Any, study: Any) -> None:
    space, record = study(make_trial(0, 1, 10, 5), make_trial(1, 4, 4, 5), make_trial(2, 10, 1, 5))
    assert select(space, record).knee == record.trials[1]
    by_quality = select(space, record, weights={"fd_digits": 1})
    assert numbers(by_quality.front) == [0, 1, 2]
    assert by_quality.knee == record.trials[0]
    assert (
        select(space, record, weights={"seconds_per_kimg": 8, "fd_digits": 1}).knee
        == (record.trials[2])
    )


def test_equal_weights_do_not_depend_on_scale(make_trial: Any, numbers: Any, study: Any) -> None:
    space, record = study(make_trial(0, 1, 10, 5), make_trial(1, 4, 4, 5), make_trial(2, 10, 1, 5))
    both = ({"fd_digits": 1, "seconds_per_kimg": 1}, {"fd_digits": 7, "seconds_per_kimg": 7})
    assert len({tuple(numbers(select(space, record, weights=w).front)) for w in both}) == 1


def test_a_point_on_the_front_by_noise_alone_is_not_recommended(
    make_trial: Any, numbers: Any, noisy: Any, study: Any
) -> None:
    good, slower = noisy(0, 9.7, 0.389, 1.7), noisy(1, 16.9, 0.378, 3.4)
    selection = select(*study(good, slower))
    assert numbers(selection.front) == [0, 1]
    assert numbers(selection.by_noise) == [1]
    assert selection.probabilities[0] > 0.99
    assert 0.5 < selection.probabilities[1] < 0.9  # that it is faster at all
    for weights in (None, {"seconds_per_kimg": 1.0}):
        assert select(*study(good, slower), weights=weights).knee is good
    # A difference beyond the noise counts.
    faster = select(*study(good, noisy(1, 16.9, 0.3, 3.4)), weights={"seconds_per_kimg": 1.0})
    assert faster.by_noise == ()
    assert faster.knee is not None
    assert faster.knee.number == 1
    # Without errors any difference counts.
    exact = select(*study(make_trial(0, 9.7, 0.389, 1.7), make_trial(1, 16.9, 0.378, 3.4)))
    assert (exact.by_noise, set(exact.probabilities.values())) == ((), {1.0})


def test_the_augmented_distance_separates_weakly_optimal_points(
    make_trial: Any, numbers: Any, study: Any
) -> None:
    # Both have the worst time; only the plain sum prefers the one with less memory.
    trials = make_trial(0, 1, 10, 9), make_trial(1, 1, 10, 9.5), make_trial(2, 10, 1, 1)
    space, record = study(*trials)
    selection = select(space, record, weights={"seconds_per_kimg": 1.0})
    assert numbers(selection.front) == [2, 0]
