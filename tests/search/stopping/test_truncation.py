"""The worst quarter at a rung is stopped."""

from __future__ import annotations

from collections.abc import Callable

from gansearch.record import Report, TrialRecord
from gansearch.search.stopping.truncation import DEFAULT_POPULATION, Truncation
from gansearch.space import Space

Make = Callable[..., TrialRecord]


def test_the_worst_quarter_is_stopped_and_the_reason_says_of_how_many(
    make_space: Callable[..., Space], trial: Make, report: Callable[..., Report]
) -> None:
    rule = Truncation(make_space())
    reasons = [
        rule.reason_to_stop(trial(number, reports=(report(5, fid, seconds=fid),)))
        for number, fid in enumerate((1.0, 2.0, 3.0, 4.0, 3.5, 5.0, 4.5, 4.6))
    ]
    assert reasons[:3] == [None] * 3  # a quarter of fewer than four is less than one trial
    assert reasons[3] == "among the worst 1/4 of 4 at 5 kimg"
    assert reasons[4:7] == [None, "among the worst 1/4 of 6 at 5 kimg", None]
    assert reasons[7] == "among the worst 1/4 of 8 at 5 kimg"


def test_a_restored_report_counts_like_a_new_one(
    make_space: Callable[..., Space], trial: Make, report: Callable[..., Report]
) -> None:
    rules = Truncation(make_space()), Truncation(make_space())
    for number, fid in enumerate((4.0, 1.0, 3.0, 2.0)):
        one = trial(number, reports=(report(5, fid, seconds=fid),))
        rules[0].reason_to_stop(one)
        rules[1].restore(one, continues=True)
    for number, fid in ((4, 9.0), (5, 0.5)):
        one = trial(number, reports=(report(5, fid, seconds=fid),))
        first, second = (rule.reason_to_stop(one) for rule in rules)
        assert first == second


def test_trials_at_other_rungs_are_not_compared(
    make_space: Callable[..., Space], trial: Make, report: Callable[..., Report]
) -> None:
    rule = Truncation(make_space())
    for number in range(8):
        rule.reason_to_stop(trial(number, reports=(report(5, 1.0 + number),)))
    assert rule.reason_to_stop(trial(8, reports=(report(10, 99.0),))) is None


def test_old_trials_are_forgotten(
    make_space: Callable[..., Space], trial: Make, report: Callable[..., Report]
) -> None:
    rule = Truncation(make_space())
    for number in range(DEFAULT_POPULATION + 8):
        rule.restore(trial(number, reports=(report(5, 1e3 - number),)), continues=True)
    reason = rule.reason_to_stop(trial(10**6, reports=(report(5, 1e9, seconds=1e9),)))
    assert reason is not None
    assert f"of {DEFAULT_POPULATION} " in reason
