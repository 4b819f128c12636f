"""Who may be on a front, who is recommended, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gansearch.errors import ProtocolError, UsageError
from gansearch.pareto import non_dominated
from gansearch.record import Outcome, Report, Score, StudyRecord, TrialRecord
from gansearch.report import select
from gansearch.report.front.aims import Aims
from gansearch.report.front.noise import QUALITY_SHARE
from gansearch.report.front.selection import finalists, near_front
from gansearch.space.models import Bound, Space

Make = Callable[..., tuple[Space, StudyRecord]]
OBJECTIVES = ("fd_digits", "seconds_per_kimg", "peak_memory_mib")


def trial(number: int, *values: float, kimg: float = 30.0, **changes: Any) -> TrialRecord:
    metrics = dict(zip(OBJECTIVES, values, strict=False))
    report = Report(kimg, metrics, changes.pop("protocols", {"fd_digits": "a"}))
    changes = {"outcome": Outcome.COMPLETED, "reports": (report,), **changes}
    return TrialRecord(
        number=number, params={"variant": "gan", "d_steps": number}, seed=0, **changes
    )


@pytest.fixture
def study(make_study: Make) -> Callable[..., tuple[Space, StudyRecord]]:
    def of(*trials: TrialRecord, **changes: Any) -> tuple[Space, StudyRecord]:
        space, record = make_study(0, **changes)
        return space, replace(record, trials=trials)

    return of


def numbers(trials: tuple[TrialRecord, ...]) -> list[int]:
    return [t.number for t in trials]


def test_front_is_that_of_the_completed(make_study: Make) -> None:
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
def test_only_completed_trials_are_on_the_front(study: Any, outcome: Outcome | None) -> None:
    selection = select(*study(trial(0, 5, 5, 5), trial(1, 1, 1, 1, outcome=outcome)))
    assert numbers(selection.front) == [0]
    assert numbers(selection.rest) == [1]


def test_a_shorter_budget_is_not_the_full_one(study: Any) -> None:
    selection = select(*study(trial(0, 5, 5, 5), trial(1, 1, 1, 1, kimg=10.0)))
    assert (numbers(selection.front), numbers(selection.rest)) == ([0], [1])


def test_a_maximised_objective_is_on_the_other_side(study: Any) -> None:
    objectives = (
        {"metric": "fd_digits", "direction": "maximize"},
        {"metric": "seconds_per_kimg", "direction": "minimize"},
    )
    space, record = study(trial(0, 5, 1), trial(1, 9, 1), trial(2, 1, 0.5), objectives=objectives)
    assert numbers(select(space, record).front) == [1, 2]


def test_duplicates_stay_on_the_front(study: Any) -> None:
    assert len(select(*study(trial(0, 1, 1, 1), trial(1, 1, 1, 1))).front) == 2


def test_bounds_of_space_and_caller_hold(study: Any) -> None:
    objectives = (
        {"metric": "fd_digits", "direction": "minimize", "max": 50},
        {"metric": "seconds_per_kimg", "direction": "minimize"},
    )
    constraints = ({"metric": "peak_memory_mib", "max": 100},)
    trials = (trial(0, 60, 1, 50), trial(1, 40, 2, 150), trial(2, 30, 3, 90), trial(3, 20, 4, 80))
    space, record = study(*trials, objectives=objectives, constraints=constraints)
    selection = select(space, record, bounds=[Bound(metric="seconds_per_kimg", max=3)])
    assert numbers(selection.front) == [2]
    assert selection.removed["fd_digits <= 50"] == (0,)
    assert selection.removed["peak_memory_mib <= 100"] == (1,)
    assert selection.removed["seconds_per_kimg <= 3"] == (3,)


def test_bounds_that_leave_nothing_say_which_removes_what(study: Any) -> None:
    space, record = study(trial(0, 60, 1, 50), trial(1, 40, 2, 150))
    bounds = [Bound(metric="fd_digits", max=50), Bound(metric="peak_memory_mib", max=100)]
    selection = select(space, record, bounds=bounds)
    assert (selection.front, selection.knee) == ((), None)
    assert "fd_digits <= 50 removes 1; peak_memory_mib <= 100 removes 1" in selection.message
    assert selection.table.empty


def test_a_study_without_completed_trials_says_so(study: Any) -> None:
    selection = select(*study(trial(0, 1, 1, 1, outcome=Outcome.DIVERGED)))
    assert "full budget of 30 kimg" in selection.message


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_an_objective_without_a_value_keeps_a_trial_off(study: Any, value: float | None) -> None:
    values = (1.0, 1.0) if value is None else (1.0, 1.0, value)
    selection = select(*study(trial(0, 5, 5, 5), trial(1, *values)))
    assert numbers(selection.front) == [0]
    assert selection.removed["a finite peak_memory_mib"] == (1,)


def test_different_protocols_are_refused_by_name(study: Any) -> None:
    one = trial(0, 5, 5, 5, protocols={"fd_digits": "digits-900"})
    other = trial(1, 1, 9, 9, protocols={"fd_digits": "digits-250"})
    with pytest.raises(ProtocolError, match=r"digits-900 \(trial 0\) and digits-250 \(trial 1\)"):
        select(*study(one, other))
    # A trial that cannot be on the front is not compared, and neither is an objective not asked.
    assert select(*study(one, replace(other, outcome=Outcome.STOPPED))).front == (one,)
    assert select(*study(one, other), objectives=["seconds_per_kimg"]).front == (one,)


def test_trials_with_different_stand_ins_are_never_ranked_together(study: Any) -> None:
    random, real, other = (
        trial(number, 5 - number, 5, 5 + number, protocols={"fd_digits": "a", **tags})
        for number, tags in enumerate(({"projector": "random"}, {"projector": "lite0 1f"}, {}))
    )
    with pytest.raises(ProtocolError, match=r"projector .* random \(trial 0\) and lite0 1f"):
        select(*study(random, real))
    with pytest.raises(ProtocolError, match="projector"):
        select(*study(random, real), objectives=["seconds_per_kimg"])
    # One that has no projector at all is comparable with either.
    assert {t.number for t in select(*study(random, other)).front} == {0, 2}
    assert {t.number for t in select(*study(real, other)).front} == {1, 2}


def test_other_objectives_take_their_direction(study: Any) -> None:
    selection = select(
        *study(trial(0, 5, 2, 7), trial(1, 9, 1, 9)), objectives=["fd_digits", "peak_memory_mib"]
    )
    assert numbers(selection.front) == [0]
    assert [o.metric for o in selection.objectives] == ["fd_digits", "peak_memory_mib"]


def test_weights_order_the_front(study: Any) -> None:
    space, record = study(trial(0, 1, 10, 5), trial(1, 4, 4, 5), trial(2, 10, 1, 5))
    assert select(space, record).knee == record.trials[1]
    by_quality = select(space, record, weights={"fd_digits": 1})
    assert numbers(by_quality.front) == [0, 1, 2]
    assert by_quality.knee == record.trials[0]
    assert (
        select(space, record, weights={"seconds_per_kimg": 8, "fd_digits": 1}).knee
        == (record.trials[2])
    )


def test_equal_weights_do_not_depend_on_scale(study: Any) -> None:
    space, record = study(trial(0, 1, 10, 5), trial(1, 4, 4, 5), trial(2, 10, 1, 5))
    both = ({"fd_digits": 1, "seconds_per_kimg": 1}, {"fd_digits": 7, "seconds_per_kimg": 7})
    assert len({tuple(numbers(select(space, record, weights=w).front)) for w in both}) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"objectives": ["fidd"]}, "'fidd' is not a metric"),
        ({"objectives": []}, "at least one objective"),
        ({"bounds": [Bound(metric="memory", max=1)]}, "'memory' is not a metric"),
        ({"weights": {"gmacs": 1}}, "not an objective"),
        ({"weights": {"fd_digits": -1}}, "at least 0"),
        ({"weights": {"fd_digits": float("nan")}}, "at least 0"),
        ({"weights": {"fd_digits": 0}}, "all 0"),
    ],
)
def test_what_makes_no_sense_is_refused(study: Any, arguments: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        select(*study(trial(0, 1, 1, 1)), **arguments)


def test_table_has_a_row_for_each_point(make_study: Make) -> None:
    selection = select(*make_study(60))
    table = selection.table
    assert table["trial"].tolist() == numbers(selection.front)
    assert table.columns[:6].tolist() == ["trial", "variant", "knee", *OBJECTIVES]
    assert {"kimg", "seed", "d_steps", "g_lr", "train_seconds"} <= set(table.columns)
    assert table.loc[table["knee"], "trial"].tolist() == [selection.knee and selection.knee.number]


# --- Scored again -------------------------------------------------------------------------------


def scored(
    trial: TrialRecord, *values: float, protocol: str = "10000 images from x"
) -> TrialRecord:
    seeds = tuple(range(1, len(values) + 1))
    return replace(trial, scores={"fd_digits": Score(30.0, seeds, values, protocol, 0.0)})


def test_the_front_is_that_of_the_means(study: Any) -> None:
    lucky, steady, cheap = trial(0, 4.0, 2, 5), trial(1, 4.1, 2, 5), trial(2, 9.0, 1, 5)
    assert numbers(select(*study(lucky, steady, cheap)).front) == [0, 2]
    again = (scored(lucky, 4.4, 4.6), scored(steady, 4.0, 4.2), scored(cheap, 8, 8))
    selection = select(*study(*again))
    assert numbers(selection.front) == [1, 2]
    assert selection.values(again[1])["fd_digits"] == pytest.approx(4.1)
    interval = selection.interval(again[1], "fd_digits")
    assert interval is not None
    assert interval.half == pytest.approx(12.706 * 0.1, rel=1e-3)  # t(0.975, 1) s / √2
    assert selection.interval(again[1], "seconds_per_kimg") is None
    row = selection.table.iloc[0]
    assert selection.table.columns[3:6].tolist() == [f"fd_digits{end}" for end in ("", *ENDS)]
    assert (row["fd_digits_low"], row["fd_digits_high"]) == (interval.low, interval.high)
    assert selection.knee in selection.front
    assert "fd_digits_low" not in select(*study(lucky, cheap)).table.columns


ENDS = ("_low", "_high")


def test_two_sample_counts_are_never_ranked_together(study: Any) -> None:
    more = "samples=10000; source=latents of seeds 1, 2"
    fewer = "samples=2000; source=latents of seeds 1, 2"
    trials = (
        scored(trial(0, 5, 5, 5), 4, 4, protocol=more),
        scored(trial(1, 5, 4, 5), 5, 5, protocol=fewer),
    )
    with pytest.raises(ProtocolError) as caught:
        select(*study(*trials))
    message = str(caught.value)
    assert "samples 10000 against 2000" in message
    assert f"{more} (trial 0)" in message
    assert f"{fewer} (trial 1)" in message
    assert message.endswith("`gansearch rescore STUDY` scores them alike")


def test_who_was_not_scored_again_is_named_and_not_ranked(study: Any) -> None:
    front, new, poor = scored(trial(0, 5, 5, 5), 4, 4), trial(1, 1, 9, 9), trial(2, 50, 50, 50)
    selection = select(*study(front, new, poor))
    assert numbers(selection.front) == [0]
    assert numbers(selection.unscored) == [1]
    assert numbers(selection.completed) == [1, 2]
    # Where quality is not asked for, there is nothing that would have to be scored.
    times = select(*study(front, new, poor), objectives=["seconds_per_kimg"])
    assert (numbers(times.front), times.unscored) == ([0], ())


def test_bounds_hold_for_what_is_ranked(study: Any) -> None:
    trials = scored(trial(0, 5, 5, 5), 3, 3), scored(trial(1, 3, 6, 6), 5, 5)
    selection = select(*study(*trials), bounds=[Bound(metric="fd_digits", max=4)])
    assert numbers(selection.front) == [0]
    assert selection.removed["fd_digits <= 4"] == (1,)


def test_finalists_are_the_front_and_who_is_as_good(study: Any) -> None:
    best = trial(0, 4.0, 2, 5)
    close = trial(1, 4.0 / (1 - QUALITY_SHARE) - 1e-6, 2, 5)
    far = trial(2, 4.0 / (1 - QUALITY_SHARE) + 1e-3, 2, 5)
    slow = trial(3, 4.0, 2.0001, 5)  # time is not measured on samples
    other = trial(4, 9.0, 1, 5)
    space, record = study(best, close, far, slow, other)
    assert numbers(finalists(space, record)) == [0, 1, 3, 4]
    # What was scored since decides nothing: the same are finalists again.
    again = replace(record, trials=(scored(best, 99.0, 99.0), *record.trials[1:]))
    assert numbers(finalists(space, again)) == [0, 1, 3, 4]
    assert finalists(*study(trial(0, 1, 1, 1, outcome=Outcome.STOPPED))) == ()


def test_scatter_between_trainings_does_not_add_configurations_near_the_front(study: Any) -> None:
    one, other = trial(0, 3.0, 2, 5), trial(1, 5.0, 2, 5)
    other = replace(other, params=one.params, seed=1, replicates=0)  # 4.0 in the mean
    space, record = study(one, other, trial(2, 4.1, 2, 5), trial(3, 4.8, 2, 5))
    near = near_front(Aims.of(space, None, ()), record.trials, space.budget.max_kimg)
    assert [numbers(standing.trainings) for standing in near] == [[0, 1], [2]]
    assert numbers(finalists(space, record)) == [0, 1, 2]
    # The reported standard errors include the scatter.
    assert select(space, record).standings[3].errors["fid_digits"] > 0.5


def test_finalists_hold_the_front(make_study: Make) -> None:
    space, record = make_study(60)
    assert set(numbers(select(space, record).front)) <= set(numbers(finalists(space, record)))


# --- Noise --------------------------------------------------------------------------------------


def noisy(number: int, *values: float, error: float = 0.03) -> TrialRecord:
    """A trial whose time and memory are reported with a relative standard error."""
    made = trial(number, *values)
    (report,) = made.reports
    errors = {f"{name}_error": error * report.metrics[name] for name in OBJECTIVES[1:]}
    return replace(made, reports=(replace(report, metrics={**report.metrics, **errors}),))


def test_who_is_on_the_front_by_noise_alone_is_not_recommended(study: Any) -> None:
    good, slower = noisy(0, 9.7, 0.389, 1.7), noisy(1, 16.9, 0.378, 3.4)
    selection = select(*study(good, slower))
    assert numbers(selection.front) == [0, 1]
    assert numbers(selection.by_noise) == [1]
    assert selection.probabilities[0] > 0.99
    assert 0.5 < selection.probabilities[1] < 0.9  # that it is faster at all
    for weights in (None, {"seconds_per_kimg": 1.0}):
        assert select(*study(good, slower), weights=weights).knee is good
    # A difference beyond the noise is a merit.
    faster = select(*study(good, noisy(1, 16.9, 0.3, 3.4)), weights={"seconds_per_kimg": 1.0})
    assert faster.by_noise == ()
    assert faster.knee is not None
    assert faster.knee.number == 1
    # Without errors so is the least one.
    exact = select(*study(trial(0, 9.7, 0.389, 1.7), trial(1, 16.9, 0.378, 3.4)))
    assert (exact.by_noise, set(exact.probabilities.values())) == ((), {1.0})


def test_costs_have_intervals_by_their_errors(study: Any) -> None:
    selection = select(*study(noisy(0, 9.7, 0.4, 1.7)))
    interval = selection.interval(selection.front[0], "seconds_per_kimg")
    assert interval is not None
    assert interval.half == pytest.approx(1.96 * 0.03 * 0.4, rel=1e-3)
    assert selection.interval(selection.front[0], "fd_digits") is None
    row = selection.table.iloc[0]
    assert row["seconds_per_kimg_high"] == pytest.approx(0.4 * (1 + 1.96 * 0.03), rel=1e-3)
    assert (row["probability"], row["by_noise"]) == (1.0, False)


def test_repeats_that_scatter_enlarge_everybodys_errors(study: Any) -> None:
    good, slower = noisy(0, 9.7, 0.389, 1.7), noisy(1, 16.9, 0.3, 3.4)
    assert select(*study(good, slower)).by_noise == ()
    times = (0.389, 0.3, 0.5)
    again = [
        replace(noisy(n, 9.7, seconds, 1.7), params=good.params, seed=n)
        for n, seconds in enumerate(times[1:], start=2)
    ]
    selection = select(*study(good, slower, *again))
    assert numbers(selection.by_noise) == [1]
    errors = selection.standings[1].errors
    assert errors["seconds_per_kimg"] > 2 * 0.03 * 0.3
    assert errors["peak_memory_mib"] == pytest.approx(0.03 * 3.4)  # which did not scatter


def test_scores_of_all_trials_tell_how_far_one_moves(study: Any) -> None:
    """Two seeds that agree by luck do not make a value certain."""
    lucky, other = scored(trial(0, 5, 5, 5), 4.0, 4.0), scored(trial(1, 5, 5, 6), 3.6, 4.4)
    selection = select(*study(lucky, other))
    share = np.sqrt(2 * 0.1**2 / 2)  # (s / mean)², pooled over two groups of two
    assert selection.standings[0].errors["fd_digits"] == pytest.approx(4 * share / np.sqrt(2))
    assert 0 < selection.probabilities[0] <= 1


# --- Trained again ------------------------------------------------------------------------------


def training(number: int, of: TrialRecord, *values: float, **changes: Any) -> TrialRecord:
    """Another training of a trial's configuration."""
    again = trial(number, *values, **changes)
    return replace(again, params=of.params, seed=number, replicates=of.number)


def test_trainings_of_a_configuration_are_one_point(study: Any) -> None:
    lucky, steady = trial(0, 4.0, 2, 5), trial(1, 5.0, 2, 5)
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
    row = selection.table.iloc[0]
    assert (row["trainings"], row["lost"], row["seed"]) == (2, 0, 0)
    assert (row["seconds_per_kimg"], row["peak_memory_mib"]) == (2.5, 5)
    assert (row["fd_digits_low"], row["fd_digits_high"]) == (interval.low, interval.high)


def test_seeds_of_a_grid_are_one_point_and_the_same_seed_counts_once(study: Any) -> None:
    first = trial(0, 4.0, 2, 5)
    seeds = [replace(first, number=n, seed=n, params={**first.params, "seed": n}) for n in range(3)]
    again = replace(seeds[2], number=3)
    (point,) = select(*study(*seeds, again)).standings.values()
    assert len(point.trainings) == 3


def test_who_loses_trainings_keeps_no_one_off_the_front_that_does_not(study: Any) -> None:
    risky, steady = trial(0, 4.0, 2, 5), trial(1, 5.0, 2, 5)
    lost = training(2, risky, outcome=Outcome.DIVERGED)
    selection = select(*study(risky, steady, lost))
    assert numbers(selection.front) == [0, 1]
    assert [selection.lost(t) for t in selection.front] == [1, 0]
    assert selection.values(risky)["fd_digits"] == 4.0
    # A machine's failure tells nothing of the configuration.
    failed = replace(lost, outcome=Outcome.FAILED)
    assert numbers(select(*study(risky, steady, failed)).front) == [0]
    # It may be dominated as any other.
    worse = replace(steady, reports=trial(1, 3.0, 2, 5).reports)
    assert numbers(select(*study(risky, worse, lost)).front) == [1]


def test_trainings_that_were_scored_again_count_with_their_means(study: Any) -> None:
    first = scored(trial(0, 9.0, 2, 5), 4.0, 4.2)
    second = scored(training(1, first, 9.0, 2, 5), 5.0, 5.2)
    third = training(2, first, 1.0, 2, 5)
    selection = select(*study(first, second, third))
    assert selection.values(first)["fd_digits"] == pytest.approx(4.6)
    interval = selection.interval(first, "fd_digits")
    assert interval is not None
    assert interval.half == pytest.approx(12.706 * 0.5, rel=1e-3)
    assert numbers(selection.unscored) == [2]
    assert numbers(finalists(*study(first, second, third))) == [0, 1, 2]


def test_trainings_by_different_protocols_have_no_mean(study: Any) -> None:
    first = trial(0, 5, 5, 5, protocols={"fd_digits": "digits-900"})
    other = training(1, first, 5, 5, 5, protocols={"fd_digits": "digits-250"})
    with pytest.raises(ProtocolError, match=r"digits-900 \(trial 0\) and digits-250 \(trial 1\)"):
        select(*study(first, other))
