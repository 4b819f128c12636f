"""The order of the trials at a rung."""

from __future__ import annotations

from gansearch.record import Report, TrialRecord
from gansearch.search.cohorts import SHARE, Cohorts
from gansearch.space import parse_space

YAML = """
name: descent
variant: dcgan
data: {name: digits}
parameters: {d_steps: [1, 2, 4]}
objectives: {fd_digits: minimize, seconds_per_kimg: minimize}
budget: {trials: 9, max_kimg: 10, rungs: [1, 2]}
"""


def report(quality: float, kimg: float = 1.0, seconds: float = 1.0) -> Report:
    return Report(kimg, {"fd_digits": quality, "seconds_per_kimg": seconds})


def trial(number: int, *reports: Report) -> TrialRecord:
    return TrialRecord(number, {"variant": "dcgan", "d_steps": 1}, seed=0, reports=reports)


def test_trials_are_ordered_by_dominance_and_then_by_quality() -> None:
    cohorts = Cohorts(parse_space(YAML, "s.yaml"), size=4)
    points = [(9.0, 1.0), (1.0, 4.0), (3.0, 3.0), (2.0, 2.0), (8.0, 2.0)]
    for number, (loss, seconds) in enumerate(points):
        cohorts.add(trial(number, report(loss, seconds=seconds)))
    assert [trial.number for trial in cohorts.best_first(1.0)] == [1, 3, 2, 4]  # 0 is forgotten
    cohorts.drop(1)
    assert [trial.number for trial in cohorts.best_first(1.0)] == [3, 2, 4]
    assert cohorts.filled() == []


def test_a_rung_is_filled_by_enough_trials_at_it() -> None:
    cohorts = Cohorts(parse_space(YAML, "s.yaml"), size=99)
    for number in range(SHARE):
        assert cohorts.filled() == []
        cohorts.add(trial(number, report(1.0)))
        cohorts.add(trial(number, report(1.0), report(1.0, kimg=2.0)))
    assert cohorts.filled() == [1.0, 2.0]
