"""Posterior of a study's trials and of untried configurations."""

import numpy as np
import pytest

from gansearch.pareto import non_dominated
from gansearch.record import Outcome
from gansearch.search.bayesian.observations import Observation, Snapshot
from gansearch.search.bayesian.posterior import NO_RUNG, Posterior
from gansearch.search.bayesian.surrogate import fit_hyperparameters

RUNGS = 3
GROUP = np.array([0, 1])
NO_LIMITS = np.array([np.inf, np.inf])


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    """Posterior of 60 trials: 20 completed, 20 at the rung before, 10 at the first, 10 at none."""
    random = np.random.default_rng(0)
    inputs = dict(enumerate(random.random((60, 2))))
    reports = [
        Observation(
            number, rung, (float(x + 1 / (1 + rung)),), (1.0, round(4 * float(y)) / 4), (0.0, 0.0)
        )
        for number, (x, y) in inputs.items()
        for rung in range(RUNGS - number // 20)
        if number < 50
    ]
    outcomes = dict.fromkeys(range(20), Outcome.COMPLETED)
    violations = dict.fromkeys(outcomes, -1.0)
    snapshot = Snapshot(inputs, reports, violations, {n: str(n) for n in inputs})
    hyperparameters = fit_hyperparameters(GROUP, snapshot, RUNGS)
    return Posterior(hyperparameters, snapshot, outcomes, NO_LIMITS)


@pytest.mark.parametrize("rung", [NO_RUNG, 0, 1, 2])
def test_the_front_without_a_trial_is_that_of_the_others_at_its_rung(
    posterior: Posterior, rung: int
) -> None:
    reached = {n: RUNGS - 1 - n // 20 if n < 50 else NO_RUNG for n in posterior.numbers}
    for number in posterior.numbers:
        is_other = [reached[n] >= rung and n != number for n in posterior.numbers]
        others = posterior.objectives[is_other]
        expected = others[non_dominated(others)]
        found = posterior.front_without(number, rung)
        found = posterior.front_at(rung) if found is None else found
        np.testing.assert_array_equal(np.sort(found, axis=0), np.sort(expected, axis=0))


def test_trials_are_counted_at_every_rung_that_they_reached(posterior: Posterior) -> None:
    assert [posterior.trials_at(rung) for rung in range(RUNGS)] == [50, 40, 20]


def test_a_trial_at_an_earlier_rung_beats_no_other(posterior: Posterior) -> None:
    """The worst trial at a rung is beaten only by trials that have reached it."""
    number = next(n for n in posterior.numbers if 20 <= n < 40)
    worst = posterior.predict_trial(Observation(number, 1, (50.0,), (1.0, 2.0), (0.0, 0.0)))
    rival, _ = posterior.beaten_by(number, 1, worst) or (-1, 0.0)
    assert 0 <= rival < 40
    rival, _ = posterior.beaten_by(number, 2, worst) or (-1, 0.0)
    assert 0 <= rival < 20


def test_deviations_are_smaller_near_a_running_trial(posterior: Posterior) -> None:
    inputs = np.random.default_rng(0).random((60, 2))  # those of the trials; 20 to 59 still run
    (pending,) = posterior.pending_deviations(inputs)
    without = posterior.predict(inputs).deviations[:, 0]
    assert (pending.deviations <= without * (1 + 1e-9)).all()
    assert np.median(pending.deviations[50:] / without[50:]) < 0.8  # they have no report yet


def posterior_of_costs(costs: dict[int, float], errors: float = 0.0) -> Posterior:
    """Return the posterior of 16 trials on a line, where 12 completed and 4 are at the first rung.

    A trial's quality is its place on the line.

    Args:
        costs: costs of some trials by number; the others' are 5.
        errors: standard errors of the costs.
    """
    inputs = {number: np.array([number / 16]) for number in range(16)}
    reports = [
        Observation(n, r, (n / 16 + 1 - r,), (1.0, costs.get(n, 5.0)), (0.0, errors))
        for n in inputs
        for r in range(2 if n < 12 else 1)
    ]
    outcomes = dict.fromkeys(range(12), Outcome.COMPLETED)
    violations = dict.fromkeys(outcomes, -1.0)
    snapshot = Snapshot(inputs, reports, violations, {n: str(n) for n in inputs})
    hyperparameters = fit_hyperparameters(np.array([0]), snapshot, 2)
    return Posterior(hyperparameters, snapshot, outcomes, NO_LIMITS)


@pytest.mark.parametrize("cost", [5.0, -5.0])
def test_an_equal_cost_is_no_higher_whatever_its_sign(cost: float) -> None:
    """The cost of a maximised objective is negative."""
    costs = {0: cost * (1 + 1e-9), 15: cost, **dict.fromkeys(range(1, 15), 50.0)}
    posterior = posterior_of_costs(costs)
    own = posterior.predict_trial(Observation(15, 0, (15 / 16 + 1,), (1.0, cost), (0.0, 0.0)))
    rival, probability = posterior.beaten_by(15, 0, own) or (-1, 0.0)
    assert rival == 0
    assert probability > 0.9


def test_a_cost_that_is_higher_within_its_standard_error_is_no_higher() -> None:
    costs = {0: 5.03, 15: 5.0, **dict.fromkeys(range(1, 15), 50.0)}
    for errors, expected in ((0.0, None), (0.01, None), (0.03, 0)):
        posterior = posterior_of_costs(costs, errors)
        report = Observation(15, 0, (15 / 16 + 1,), (1.0, 5.0), (0.0, errors))
        found = posterior.beaten_by(15, 0, posterior.predict_trial(report))
        assert (found and found[0]) == expected
