import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from optuna.trial import TrialState

from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.search.feasibility import NO_RESULT_VIOLATION
from gansearch.search.policy import Policy
from gansearch.search.samplers.optuna import WORST, OptunaSampler, tpe
from gansearch.search.storage.layout import running_trial, trial_of
from gansearch.space import SearchConfig, Space, parse_space


def finish(space: Space, history: int, empty: StudyRecord, train: Callable[..., None]) -> Policy:
    policy = Policy(space, empty)
    for _ in range(history):
        ask = policy.ask()
        assert ask is not None
        train(policy, ask)
    return policy


# --- The same proposals after a kill ------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
@pytest.mark.parametrize("history", [0, 1, 13, 31])
def test_a_rebuilt_sampler_proposes_like_an_uninterrupted_one(
    sampler: str,
    history: int,
    make_space: Callable[..., Space],
    empty: StudyRecord,
    train: Callable[..., None],
) -> None:
    space = make_space(sampler=sampler, trials=40, stopping="none")
    alive = finish(space, history, empty, train)
    for _ in range(3):  # some are running
        alive.ask()
    running = [t.number for t in alive.record().trials if t.outcome is None]
    revived = Policy(space, alive.record())
    for number in running:
        again = revived.ask()
        assert again is not None
        assert again.number == number
    for _ in range(3):
        assert revived.ask() == alive.ask()


OWN = """
variant: [dcgan, gan]
training: {gan: {batch_size: 16}}
parameters:
  d_steps: [1, 2, 3]
  loss: [hinge, minimax]
  z_dim: {type: int, low: 8, high: 64, when: {loss: hinge}}
  dcgan: {g_lr: {type: float, low: 5e-4, high: 2e-3, log: true}}
  gan:
    g_lr: {type: float, low: 0.05, high: 0.3, log: true}
    d_steps: {type: int, low: 1, high: 9, step: 2}
    loss: [minimax, non_saturating]
    dropout: {type: float, low: 0, high: 0.5, step: 0.25, when: {loss: minimax}}
objectives: {fd_digits: minimize, seconds_per_kimg: minimize}
budget: {trials: 40, max_kimg: 30, rungs: [5, 10]}
search: {sampler: SAMPLER, stopping: none}
"""


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
@pytest.mark.parametrize("history", [1, 25])
def test_ranges_of_variants_are_rebuilt_from_plain_names(
    sampler: str, history: int, empty: StudyRecord, train: Callable[..., None]
) -> None:
    space = parse_space(OWN.replace("SAMPLER", sampler), "own.yaml")
    alive = finish(space, history, empty, train)
    revived = Policy(space, alive.record())
    for _ in range(12):
        assert revived.ask() == alive.ask()
    seen = set()
    for trial in alive.record().trials:
        assert not any(name.startswith(("gan.", "dcgan.")) for name in trial.params)
        low, high = {"dcgan": (5e-4, 2e-3), "gan": (0.05, 0.3)}[str(trial.params["variant"])]
        assert low <= float(trial.params["g_lr"]) <= high
        frozen = running_trial(space, trial)
        assert ("gan.g_lr" in frozen.params) == (trial.params["variant"] == "gan")
        assert "g_lr" not in frozen.params
        assert trial_of(frozen.user_attrs).params == trial.params
        seen |= frozen.params.keys()
    assert seen >= ({"dcgan.g_lr", "gan.g_lr", "gan.d_steps", "d_steps"} if history > 1 else set())


# --- What samplers see of the ends of trials ----------------------------------------------------


def view_of(space: Space, *trials: TrialRecord) -> OptunaSampler:
    made = OptunaSampler(space, tpe)
    for trial in trials:
        made.add(trial)
    for trial in trials:
        if trial.outcome is not None:
            made.end(trial)
    return made


def test_stopped_trials_are_never_finished_points(
    make_space: Callable[..., Space],
    trial: Callable[..., TrialRecord],
    report: Callable[..., Report],
) -> None:
    """A truncated trial told as complete looks optimal in time."""
    stopped = trial(reports=(report(5, fid=99),), outcome=Outcome.STOPPED, ended=2.0)
    (seen,) = view_of(make_space(), stopped)._view.trials
    assert seen.state == TrialState.PRUNED
    assert seen.values is None
    assert seen.intermediate_values == {}  # TPE raises on them in a multi-objective study
    assert 0 < seen.constraints["stopped"] < 1


@pytest.mark.parametrize("outcome", [Outcome.DIVERGED, Outcome.OUT_OF_MEMORY, Outcome.FAILED])
def test_broken_trials_are_seen_infeasible_and_worst_but_finite(
    outcome: Outcome, make_space: Callable[..., Space], trial: Callable[..., TrialRecord]
) -> None:
    """Samplers pass over failed trials and propose the same region again."""
    (seen,) = view_of(make_space(), trial(outcome=outcome, ended=2.0))._view.trials
    assert seen.state == TrialState.COMPLETE
    assert seen.values == [WORST, WORST]
    assert all(map(math.isfinite, seen.values))
    assert seen.constraints[outcome] == NO_RESULT_VIOLATION


def test_tpe_leaves_a_region_that_diverges_next_to_the_best_values(empty: StudyRecord) -> None:
    """Where Optuna is told that trials failed, every proposal of the second half diverges."""
    text = """
    variant: gan
    parameters: {g_lr: {type: float, low: 1e-6, high: 1.0}, d_steps: [1, 2, 3]}
    objectives: {fd_digits: minimize, seconds_per_kimg: minimize}
    budget: {trials: 60, max_kimg: 30}
    """
    policy = Policy(parse_space(text, "x.yaml"), empty)
    rates = []
    while ask := policy.ask():
        rate = float(ask.params["g_lr"])
        rates.append(rate)
        if rate > 0.5:
            policy.tell(ask.number, Outcome.DIVERGED)
        else:
            policy.report(ask.number, Report(30, {"fd_digits": 2 - rate, "seconds_per_kimg": 1.0}))
            policy.tell(ask.number, Outcome.COMPLETED)
    assert sum(rate > 0.5 for rate in rates[30:]) < 20


def test_tpe_takes_stopped_trials_of_a_study_with_several_objectives(
    make_space: Callable[..., Space], empty: StudyRecord, report: Callable[..., Report]
) -> None:
    """With intermediate values in its view TPE raises here."""
    policy = Policy(make_space(sampler="tpe", trials=40), empty)
    for number in range(30):
        ask = policy.ask()
        assert ask is not None
        policy.report(number, report(5, fid=number))
    assert {t.outcome for t in policy.record().trials[3:]} == {Outcome.STOPPED}


# --- First trials, duplicates, grid --------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_the_papers_defaults_come_first(
    sampler: str, make_space: Callable[..., Space], empty: StudyRecord
) -> None:
    space = make_space(sampler=sampler)
    policy = Policy(space, empty)
    assert [ask.params for _ in range(2) if (ask := policy.ask())] == space.defaults()


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_a_discrete_space_is_not_tried_twice_while_there_is_something_new(
    sampler: str, empty: StudyRecord
) -> None:
    text = """
    variant: gan
    parameters: {d_steps: [1, 2, 3, 5], g_steps: [1, 2, 3], g_lr: 0.1}
    objectives: {fd_digits: minimize}
    budget: {trials: 12, max_kimg: 30}
    """
    space = parse_space(text, "x.yaml")
    space = space.model_copy(update={"search": SearchConfig(sampler=sampler)})
    policy = Policy(space, empty)
    tried = [tuple(ask.params.items()) for _ in range(9) if (ask := policy.ask())]
    assert len(set(tried)) >= 8


def test_maximised_objectives_are_worst_downwards(
    make_space: Callable[..., Space], trial: Callable[..., TrialRecord]
) -> None:
    space = make_space()
    up = tuple(o.model_copy(update={"direction": "maximize"}) for o in space.objectives)
    space = space.model_copy(update={"objectives": up})
    broken = replace(trial(outcome=Outcome.FAILED), ended=2.0)
    assert view_of(space, broken)._view.trials[0].values == [-WORST, -WORST]
