"""The stopping rule by predicted dominance, on curves whose truth is known."""

import re

from gansearch.record import StudyRecord
from tests.search.sequential import Driver, driver


def test_a_trial_beaten_at_no_higher_cost_is_stopped_with_the_better_ones_number(
    empty: StudyRecord,
) -> None:
    study = driver(empty)
    for _ in range(40):
        study.train()
    trials = study.policy.record().trials
    stopped = [trial for trial in trials if "is better at no higher cost" in trial.reason]
    assert stopped
    for trial in stopped:
        found = re.match(r"at \d kimg trial (\d+) is better at no higher cost with", trial.reason)
        assert found is not None
        own, other = (
            Driver.report(dict(each.params), 8).metrics for each in (trial, trials[int(found[1])])
        )
        assert other["fd_digits"] < own["fd_digits"]
        assert other["peak_memory_mib"] <= own["peak_memory_mib"] * (1 + 1e-5)


def test_no_trial_is_stopped_before_the_cohort_is_complete(empty: StudyRecord) -> None:
    study = driver(empty)
    for _ in range(8):
        study.train(to=1.0)
    assert all(trial.outcome is None for trial in study.policy.record().trials)
