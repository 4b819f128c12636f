"""Observations of a study, and the versions of the surrogates that follow from them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import optuna
import pytest
from optuna.samplers import RandomSampler

from benchmarks.search.surrogate import Surrogate
from gansearch.record import Outcome, Report, TrialRecord
from gansearch.search.bayesian.observations import Counts, Observations, SurrogateVersion
from gansearch.space import parse_space

YAML = """
variant: dcgan
data: {name: digits}
parameters: {d_steps: [1, 2, 3]}
objectives:
  train_seconds: {direction: minimize, max: 100}
  fd_digits: minimize
  inception_score: {direction: maximize, min: 2}
budget: {max_kimg: 30, rungs: [5, 10]}
"""
SPACE = parse_space(YAML, "s.yaml")


def reported(number: int, kimg: float, **metrics: float) -> TrialRecord:
    values = {"fd_digits": 20.0, "inception_score": 3.0, "train_seconds": 10.0, **metrics}
    return TrialRecord(number, {"variant": "dcgan", "d_steps": 1}, 0, (Report(kimg, values),))


def test_an_observation_is_minimised_at_the_full_budget_and_has_qualities_first() -> None:
    metrics = {"seconds_per_kimg": 2.0, "seconds_per_kimg_error": 0.1, "train_seconds_error": 0.5}
    observation = Observations(SPACE).observe(reported(7, 10.0, **metrics))
    assert observation.number == 7
    assert observation.rung == 1
    assert observation.qualities == (20.0, -3.0)
    assert observation.costs == (2.0, 30.0)  # a third of the training took 10 seconds
    assert observation.errors == (0.1, 1.5)


def test_without_a_time_all_times_are_equal() -> None:
    observations = Observations(SPACE)
    found = [observations.observe(reported(0, kimg)) for kimg in (5.0, 30.0)]
    assert [each.costs[0] for each in found] == [1.0, 1.0]
    assert [each.rung for each in found] == [0, 2]


def test_limits_have_the_sign_and_the_order_of_the_observed_objectives() -> None:
    assert Observations(SPACE).limits.tolist() == [np.inf, -2.0, 100.0]


def test_a_snapshot_has_the_first_observations_only() -> None:
    observations = Observations(SPACE)
    for number in range(3):
        observations.add(reported(number, 5.0))
        observations.report(reported(number, 5.0))
    early = Counts(2, 1, 0)
    before = observations.snapshot(early)
    completed = replace(reported(0, 30.0), outcome=Outcome.COMPLETED)
    observations.report(completed)
    observations.end(completed)
    for snapshot in (before, observations.snapshot(early)):
        assert sorted(snapshot.inputs) == [0, 1]
        assert [report.number for report in snapshot.reports] == [0]
        assert snapshot.violations == {}
        assert snapshot.last[0].rung == 0
    now = Counts(3, 4, 1)
    assert observations.snapshot(now).last[0].rung == 2
    assert observations.outcomes(now) == {0: Outcome.COMPLETED}
    assert sorted(observations.encoded_by_number(now)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("outcome", "metrics", "expected"),
    [
        (Outcome.COMPLETED, {}, -1.0),  # far within every bound
        (Outcome.COMPLETED, {"train_seconds": 110.0}, 0.2),  # by a tenth of the bound
        (Outcome.COMPLETED, {"train_seconds": 500.0}, 1.0),
        (Outcome.STOPPED, {}, -1.0),
        (Outcome.DIVERGED, {}, 1.0),
    ],
)
def test_violations_are_clipped_and_stopping_is_none(
    outcome: Outcome, metrics: dict[str, float], expected: float
) -> None:
    observations = Observations(SPACE)
    ended = replace(reported(0, 30.0, **metrics), outcome=outcome)
    observations.add(ended)
    observations.end(ended)
    violations = observations.snapshot(Counts(1, 0, 1)).violations
    assert violations == {0: pytest.approx(expected)}


def test_scatter_of_costs_is_that_of_repeated_configurations() -> None:
    observations = Observations(SPACE)
    for number, seconds in enumerate((9.0, 11.0)):
        trial = reported(number, 30.0, seconds_per_kimg=seconds)
        observations.add(trial)
        observations.report(trial)
    snapshot = observations.snapshot(Counts(2, 2, 0))
    scatter = snapshot.scatter
    assert 0.1 < scatter[0] < 0.2
    assert scatter[1] == 0.0
    errors = snapshot.errors(snapshot.reports)
    np.testing.assert_allclose(errors[:, 0], scatter[0] * np.array([9.0, 11.0]))


def versions_of(count: int, rounds: int = 1) -> list[SurrogateVersion | None]:
    """Return the version after each report of ``count`` running trials, which report in turns."""
    problem = Surrogate()
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    params = problem.space.plain(problem.space.sample(study.ask()))
    trials = [
        TrialRecord(number, params, 0, started=1.0, sampled=params) for number in range(count)
    ]
    observations = Observations(problem.space)
    for trial in trials:
        observations.add(trial)
    report = problem.run(params, 0).report(1.0)
    versions = []
    for trial in trials * rounds:
        observations.report(replace(trial, reports=(report,)))
        versions.append(observations.version)
    return versions


def test_a_version_takes_effect_half_an_interval_after_its_observations() -> None:
    versions = versions_of(64)
    # With 64 running trials, the interval is 64^1.5 / 16 = 32 events; the first version has 8
    # reports, and each takes effect 16 events later.
    first, second = Counts(64, 8, 0), Counts(64, 40, 0)
    conditioned = [version and version.conditioned for version in versions]
    assert conditioned == [None] * 23 + [first] * 32 + [second] * 9


def test_hyperparameters_are_fitted_again_when_reports_have_grown_enough() -> None:
    versions = [version for version in versions_of(16, rounds=4) if version]
    fitted = [version.fitted.reports for version in versions]
    assert all(version.fitted <= version.conditioned for version in versions)
    changes = sorted(set(fitted))
    assert all(later >= 1.2 * earlier for earlier, later in pairwise(changes))
    assert len(changes) < len({version.conditioned.reports for version in versions})
