import math
from collections.abc import Callable
from dataclasses import replace
from threading import Thread

import pytest

from gansearch.errors import StudyError
from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.search.policy import Ask, Policy
from gansearch.space import Space, parse_space

MakeSpace = Callable[..., Space]
MakeReport = Callable[..., Report]


def ask(policy: Policy) -> Ask:
    asked = policy.ask()
    assert asked is not None
    return asked


def only(policy: Policy) -> TrialRecord:
    (trial,) = policy.record().trials
    return trial


def test_a_trial_from_its_ask_to_its_end(
    make_space: MakeSpace, empty: StudyRecord, report: MakeReport, clock: Callable[[], float]
) -> None:
    policy = Policy(make_space(), empty, clock=clock)
    number = ask(policy).number
    assert all(policy.report(number, report(kimg)) for kimg in (5, 10, 30))
    policy.tell(number, Outcome.COMPLETED, tags={"device": "cpu"})
    trial = only(policy)
    assert trial.outcome == Outcome.COMPLETED
    assert [r.kimg for r in trial.reports] == [5, 10, 30]
    assert trial.tags == {"device": "cpu", "host": "a"}
    assert trial.ended is not None
    assert trial.started < trial.ended


def test_rungs_stop_by_quality_and_say_why(
    make_space: MakeSpace, empty: StudyRecord, report: MakeReport
) -> None:
    policy = Policy(make_space(), empty)
    answers = [policy.report(ask(policy).number, report(5, fid)) for fid in (9, 8, 20, 7)]
    assert answers == [True, True, False, True]
    stopped = policy.record().trials[2]
    assert stopped.outcome == Outcome.STOPPED
    assert stopped.reason == "fd_digits 20 at 5 kimg is not among the best 1/3"
    assert not policy.report(2, report(10, 0.1))  # nothing more of it is taken
    policy.tell(2, Outcome.FAILED, "its process was ended")
    assert policy.record().trials[2] == stopped


def test_rungs_stop_by_a_likelihood_from_below(empty: StudyRecord) -> None:
    text = (
        "variant: dcgan\ndata: {name: digits, holdout: 0.5}\nparameters: {d_steps: [1, 2]}\n"
        "objectives: {parzen: maximize}\nbudget: {max_kimg: 30, rungs: [5]}\n"
        "search: {stopping: asha}\n"
    )
    policy = Policy(parse_space(text, "s.yaml"), empty)
    answers = []
    for value in (-3.0, 2.0, -8.0, 9.0):
        report = Report(5, {"parzen": value}, {"parzen": "900 images"})
        answers.append(policy.report(ask(policy).number, report))
    assert answers == [True, True, False, True]
    assert policy.record().trials[2].reason == "parzen -8 at 5 kimg is not among the best 1/3"


def test_without_stopping_every_trial_continues(
    make_space: MakeSpace, empty: StudyRecord, report: MakeReport
) -> None:
    policy = Policy(make_space(stopping="none"), empty)
    assert all(policy.report(ask(policy).number, report(5, fid)) for fid in range(9))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("metric", ["fd_digits", "seconds_per_kimg", "d_loss"])
def test_a_value_that_is_not_finite_is_divergence_and_never_on_record(
    value: float, metric: str, make_space: MakeSpace, empty: StudyRecord, report: MakeReport
) -> None:
    """NaN passes ASHA's comparison, and Optuna leaves the trial running for ever."""
    policy = Policy(make_space(), empty)
    number = ask(policy).number
    bad = replace(report(5), metrics={**report(5).metrics, metric: value})
    assert not policy.report(number, bad)
    trial = only(policy)
    assert (trial.outcome, trial.reports) == (Outcome.DIVERGED, ())
    assert trial.reason == f"{metric} is {value} at 5 kimg"
    ask(policy)  # the study goes on


@pytest.mark.parametrize("metric", ["fd_digits", "seconds_per_kimg", "params_m"])
def test_a_missing_value_fails_the_trial_and_not_the_study(
    metric: str, make_space: MakeSpace, empty: StudyRecord, report: MakeReport
) -> None:
    policy = Policy(make_space(), empty)
    number = ask(policy).number
    metrics = {name: value for name, value in report(5).metrics.items() if name != metric}
    assert not policy.report(number, Report(5, metrics))
    assert only(policy).outcome == Outcome.FAILED
    assert only(policy).reason == f"no value of {metric} at 5 kimg"
    ask(policy)


def test_values_of_two_protocols_are_never_compared(
    make_space: MakeSpace, empty: StudyRecord, report: MakeReport
) -> None:
    policy = Policy(make_space(), empty)
    policy.report(ask(policy).number, report(5))
    revived = Policy(make_space(), policy.record())
    ask(revived)
    other = replace(report(5), protocols={"fd_digits": "digits-100"})
    assert not revived.report(ask(revived).number, other)
    failed = revived.record().trials[1]
    assert failed.outcome == Outcome.FAILED
    assert "'digits-100'" in failed.reason
    assert "'digits-900'" in failed.reason


def test_different_stand_ins_are_never_compared(
    make_space: MakeSpace, empty: StudyRecord, report: MakeReport
) -> None:
    policy = Policy(make_space(), empty)
    usual = report(5).protocols
    first, second, third = (
        replace(report(5), protocols={**usual, **tags})
        for tags in ({"projector": "random"}, {}, {"projector": "lite0 1f"})
    )
    for named in (first, second, third):
        policy.report(ask(policy).number, named)
    *fine, failed = policy.record().trials
    assert all(trial.outcome != Outcome.FAILED for trial in fine)
    assert failed.outcome == Outcome.FAILED
    assert failed.reason.startswith("projector has protocol 'lite0 1f'")


def test_completed_means_the_full_budget(
    make_space: MakeSpace, empty: StudyRecord, report: MakeReport
) -> None:
    policy = Policy(make_space(), empty)
    number = ask(policy).number
    policy.report(number, report(10))
    policy.tell(number, Outcome.COMPLETED)
    assert only(policy).outcome == Outcome.FAILED
    assert only(policy).reason == "ended with its last report at 10 of 30 kimg"


def test_a_trial_that_fails_after_the_full_budget_is_complete(
    make_space: MakeSpace, empty: StudyRecord, report: MakeReport
) -> None:
    policy = Policy(make_space(), empty)
    number = ask(policy).number
    policy.report(number, report(30))
    policy.tell(number, Outcome.FAILED, "the node went away", {"torch": "2"})
    assert (only(policy).outcome, only(policy).reason) == (Outcome.COMPLETED, "")
    assert only(policy).tags == {"host": "a", "torch": "2"}


def test_the_first_end_counts(
    make_space: MakeSpace, empty: StudyRecord, report: MakeReport
) -> None:
    policy = Policy(make_space(), empty)
    number = ask(policy).number
    policy.tell(number, Outcome.OUT_OF_MEMORY, "CUDA out of memory")
    ended = only(policy)
    policy.tell(number, Outcome.FAILED)
    assert not policy.report(number, report(5))
    assert only(policy) == ended


def test_a_repeated_report_gets_its_answer_and_moves_only_its_checkpoint(
    make_space: MakeSpace, empty: StudyRecord, report: MakeReport
) -> None:
    policy = Policy(make_space(), empty)
    number = ask(policy).number
    policy.report(number, report(5, fid=7))
    before = only(policy)
    assert policy.report(number, replace(report(5, fid=900), checkpoint=None))
    assert only(policy) == before
    policy.report(number, replace(report(5, fid=900), checkpoint="/weights/new"))
    assert only(policy).reports == (replace(report(5, fid=7), checkpoint="/weights/new"),)
    # It is in its rung once: two more make the cohort of three.
    assert [policy.report(ask(policy).number, report(5, fid)) for fid in (8, 9)] == [True, False]


def test_a_trial_that_starts_over_repeats_itself_and_is_not_asked_again(
    make_space: MakeSpace, empty: StudyRecord, report: MakeReport
) -> None:
    policy = Policy(make_space(), empty)
    number = ask(policy).number
    policy.report(number, report(10))
    assert policy.report(number, report(5))
    assert [r.kimg for r in only(policy).reports] == [10]


def test_interrupted_trials_continue_first_and_count_once(
    make_space: MakeSpace, empty: StudyRecord, report: MakeReport
) -> None:
    space = make_space(trials=3)
    before = Policy(space, empty)
    asked = [ask(before) for _ in range(2)]
    before.report(0, report(5))
    after = Policy(space, before.record())
    assert ask(after) == replace(asked[0], resume=report(5))
    assert ask(after) == asked[1]
    assert ask(after).number == 2
    assert after.ask() is None


def test_more_trials_when_the_budget_grows(
    make_space: MakeSpace, empty: StudyRecord, train: Callable[..., None]
) -> None:
    policy = Policy(make_space(trials=4), empty)
    while asked := policy.ask():
        train(policy, asked)
    more = Policy(make_space(trials=6), policy.record())
    assert [ask(more).number, ask(more).number, more.ask()] == [4, 5, None]


def test_nothing_is_started_after_the_wall_clock(make_space: MakeSpace, empty: StudyRecord) -> None:
    space = make_space()
    budget = space.budget.model_copy(update={"wall_clock_s": 60.0})
    now = [0.0]
    policy = Policy(space.model_copy(update={"budget": budget}), empty, clock=lambda: now[0])
    ask(policy)
    now[0] = 59.0
    ask(policy)
    now[0] = 60.0
    assert policy.ask() is None
    policy.tell(0, Outcome.FAILED)  # what runs may end


def test_ends_are_in_order_even_if_the_clock_goes_back(
    make_space: MakeSpace, empty: StudyRecord
) -> None:
    moments = iter([100.0, 90.0, 80.0, 70.0, 60.0, 50.0])
    policy = Policy(make_space(), empty, clock=lambda: next(moments))
    for number in range(2):
        ask(policy)
        policy.tell(number, Outcome.FAILED)
    first, second = policy.record().trials
    assert first.ended is not None
    assert second.ended is not None
    assert first.started < first.ended < second.started < second.ended


def test_unknown_trials_are_refused(
    make_space: MakeSpace, empty: StudyRecord, report: MakeReport
) -> None:
    policy = Policy(make_space(), empty)
    with pytest.raises(StudyError, match="no trial 5"):
        policy.report(5, report(5))
    with pytest.raises(StudyError, match="no trial 5"):
        policy.tell(5, Outcome.FAILED)


class Refusing:
    """A recorder whose storage is gone."""

    def record_trial(self, trial: TrialRecord) -> None:
        raise StudyError("the disk is full")

    record_report = record_end = record_trial  # type: ignore[assignment]


def test_a_step_that_cannot_be_recorded_is_not_taken(
    make_space: MakeSpace, empty: StudyRecord
) -> None:
    policy = Policy(make_space(), empty, Refusing())  # type: ignore[arg-type]
    with pytest.raises(StudyError, match="disk is full"):
        policy.ask()
    assert policy.record() == empty


def test_many_threads_share_one_policy(
    make_space: MakeSpace, empty: StudyRecord, train: Callable[..., None]
) -> None:
    policy = Policy(make_space(trials=60), empty)
    asked: list[int] = []

    def work() -> None:
        while one := policy.ask():
            asked.append(one.number)
            train(policy, one)

    threads = [Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(asked) == list(range(60))
    assert all(trial.outcome is not None for trial in policy.record().trials)


def test_asks_differ_by_study_seed_and_by_trial(
    make_space: Callable[..., Space], empty: StudyRecord
) -> None:
    asked = []
    for seed in (0, 1):
        policy = Policy(make_space(seed=seed), empty)
        asked += [policy.ask() for _ in range(8)]
    assert len({a.seed for a in asked if a}) == 16
    drawn = [a.params["g_lr"] for a in asked if a and a.number > 1]
    assert len(set(drawn)) == len(drawn)


def test_a_fixed_seed_is_every_trials(empty: StudyRecord) -> None:
    text = "{variant: gan, training: {seed: 5}, parameters: {d_steps: [1, 2, 3]}}"
    policy = Policy(parse_space(text, "fixed.yaml"), empty)
    assert [ask.seed for _ in range(3) if (ask := policy.ask())] == [5, 5, 5]
