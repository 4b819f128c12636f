"""The contract of a study's durable record, the same for every kind of database."""

import math
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
import sqlalchemy
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from gansearch.errors import StudyError
from gansearch.record import Outcome, Report, Score, StudyRecord, TrialRecord
from gansearch.search.policy import Policy
from gansearch.search.storage.database import connect
from gansearch.search.storage.store import StudyStore, read_study, study_names
from gansearch.space import Space
from gansearch.urls import sqlite_url

MakeSpace = Callable[..., Space]
Train = Callable[..., None]


def run(store: StudyStore, train: Train, trials: int) -> Policy:
    policy = Policy(store.space, store.study, store)
    for _ in range(trials):
        if ask := policy.ask():
            train(policy, ask)
    return policy


def in_optuna(url: str, name: str = "s") -> optuna.Study:
    return optuna.load_study(study_name=name, storage=connect(url))


# --- Records ------------------------------------------------------------------------------------


def test_the_record_that_is_read_is_the_one_written(
    url: str, make_space: MakeSpace, train: Train
) -> None:
    space = make_space(sampler="tpe", trials=12)
    with StudyStore.create(url, "s", space, {"torch": "2.15"}) as store:
        policy = run(store, train, 10)
        policy.ask()  # and one is running
        decided = policy.record()
    assert {t.outcome for t in decided.trials} >= {None, Outcome.COMPLETED, Outcome.STOPPED}
    read_space, read = read_study(url, "s")
    assert read_space == space
    assert read == decided
    assert read.tags == {"torch": "2.15"}
    assert study_names(url) == ("s",)


def test_scores_are_on_record(url: str, make_space: MakeSpace, train: Train) -> None:
    with StudyStore.create(url, "s", make_space()) as store:
        decided = run(store, train, 4).record()
    score = Score(30.0, (1, 2, 3), (1.5, 1.25, 1.0), "10000 images", 1.7e9)
    last = decided.trials[-1]
    with StudyStore.open(url, "s") as store:
        assert store.study.trials == decided.trials
        store.record_scores(
            replace(last, scores={"fd_digits": replace(score, values=(9.0, 9.0, 9.0))})
        )
        store.record_scores(replace(last, scores={"fd_digits": score}))  # in place of those before
    _, read = read_study(url, "s")
    assert read.trials == (*decided.trials[:-1], replace(last, scores={"fd_digits": score}))
    with StudyStore.open(url, "s") as store:
        store.extend(trials=20, max_kimg=60)
        assert Policy(store.space, store.study).record().trials[-1].scores == {"fd_digits": score}


def test_a_running_study_can_be_read(url: str, make_space: MakeSpace, train: Train) -> None:
    with StudyStore.create(url, "s", make_space()) as store:
        policy = run(store, train, 4)
        store.flush()
        assert read_study(url, "s")[1] == policy.record()


def test_optunas_own_tools_see_the_same_study(
    url: str, make_space: MakeSpace, train: Train
) -> None:
    space = make_space(trials=10)
    with StudyStore.create(url, "s", space) as store:
        policy = run(store, train, 10)
        policy.record()
    study = in_optuna(url)
    assert study.metric_names == ["fd_digits", "seconds_per_kimg"]
    for seen, trial in zip(study.trials, policy.record().trials, strict=True):
        searched = {name for name in trial.params if name in (*space.parameters, "variant")}
        assert seen.params == {name: trial.params[name] for name in searched}
        assert list(seen.intermediate_values.items()) == [
            (round(r.kimg * 1000), r.metrics["fd_digits"]) for r in trial.reports
        ]
        assert seen.user_attrs["outcome"] == trial.outcome
    states = {Outcome.COMPLETED: TrialState.COMPLETE, Outcome.STOPPED: TrialState.PRUNED}
    assert [t.state for t in study.trials] == [
        states.get(t.outcome or Outcome.FAILED, TrialState.FAIL) for t in policy.record().trials
    ]
    frame = study.trials_dataframe(multi_index=True)
    assert list(frame["values"].columns) == ["fd_digits", "seconds_per_kimg"]
    assert {t.number for t in study.best_trials} <= {
        t.number for t in policy.record().trials if t.outcome == Outcome.COMPLETED
    }


def test_only_the_full_budget_has_final_values(
    url: str, make_space: MakeSpace, train: Train
) -> None:
    with StudyStore.create(url, "s", make_space(trials=10)) as store:
        run(store, train, 10)
    for trial in in_optuna(url).trials:
        assert (trial.values is not None) == (trial.user_attrs["outcome"] == "completed")
        values = [*(trial.values or []), *trial.intermediate_values.values()]
        assert all(map(math.isfinite, values))
    assert all(t.state.is_finished() for t in in_optuna(url).trials)  # none RUNNING for ever


def test_bounds_and_failed_trials_are_constraints(
    url: str, make_space: MakeSpace, report: Callable[..., Report]
) -> None:
    with StudyStore.create(url, "s", make_space()) as store:
        policy = Policy(store.space, store.study, store)
        for _ in range(2):
            policy.ask()
        policy.report(0, report(30, 60))
        policy.tell(0, Outcome.COMPLETED)
        policy.tell(1, Outcome.OUT_OF_MEMORY)
    first, second = in_optuna(url).trials
    assert first.constraints == {"fd_digits.max": pytest.approx(0.2), "params_m.max": -0.8}
    assert second.constraints == {"out_of_memory": 1e6}


# --- Names --------------------------------------------------------------------------------------


def test_two_studies_never_merge_under_one_name(url: str, make_space: MakeSpace) -> None:
    StudyStore.create(url, "s", make_space()).close()
    with pytest.raises(StudyError, match=r"there is a study 's'.*gansearch resume s"):
        StudyStore.create(url, "s", make_space())
    StudyStore.create(url, "t", make_space()).close()
    assert study_names(url) == ("s", "t")
    assert read_study(url, "t")[1].trials == ()


def test_a_missing_study_is_named_with_the_existing_ones(url: str, make_space: MakeSpace) -> None:
    StudyStore.create(url, "here", make_space()).close()
    for look in (read_study, StudyStore.open):
        with pytest.raises(StudyError, match=r"no study 'gone'.*there are here"):
            look(url, "gone")


def test_a_study_of_another_program_is_refused(url: str, make_space: MakeSpace) -> None:
    StudyStore.create(url, "ours", make_space()).close()
    optuna.create_study(study_name="theirs", storage=connect(url))
    assert study_names(url) == ("ours",)
    for look in (read_study, StudyStore.open):
        with pytest.raises(StudyError, match="no space on record"):
            look(url, "theirs")


# --- Interruptions ------------------------------------------------------------------------------


def test_a_resumed_study_decides_like_the_uninterrupted_one(
    url: str, make_space: MakeSpace, train: Train, clock: Callable[[], float]
) -> None:
    space = make_space(sampler="tpe", trials=16)
    with StudyStore.create(url, "s", space) as store:
        alive = Policy(space, store.study, store, clock=clock)
        for _ in range(12):
            if ask := alive.ask():
                train(alive, ask)
    with StudyStore.open(url, "s") as store:
        revived = Policy(store.space, store.study, store, clock=clock)
        quiet = Policy(space, alive.record(), clock=clock)
        while ask := quiet.ask():
            assert revived.ask() == ask
            train(quiet, ask)
            train(revived, ask)
    outcomes = [[t.outcome for t in p.record().trials] for p in (quiet, revived)]
    assert outcomes[0] == outcomes[1]


def test_a_kill_between_the_last_report_and_the_end_loses_nothing(
    url: str, make_space: MakeSpace, report: Callable[..., Report]
) -> None:
    with StudyStore.create(url, "s", make_space()) as store:
        store.ended = lambda _: None  # type: ignore[method-assign] # killed before it is written
        policy = Policy(store.space, store.study, store)
        for number, fid in enumerate((9, 8, 20)):
            policy.ask()
            policy.report(number, report(5, fid))
        policy.report(0, report(30, 7))
    with StudyStore.open(url, "s") as store:
        completed, unfinished, stopped = store.study.trials
        assert (completed.outcome, unfinished.outcome) == (Outcome.COMPLETED, None)
        assert (stopped.outcome, stopped.reason) == (
            Outcome.STOPPED,
            "fd_digits 20 at 5 kimg is not among the best 1/3",
        )
        ask = Policy(store.space, store.study, store).ask()
        assert ask is not None
        assert (ask.number, ask.resume) == (1, report(5, 8))
    states = [trial.state for trial in in_optuna(url).trials]
    assert states == [TrialState.COMPLETE, TrialState.RUNNING, TrialState.PRUNED]


def test_a_longer_budget_continues_completed_trials(
    url: str, make_space: MakeSpace, report: Callable[..., Report]
) -> None:
    with StudyStore.create(url, "s", make_space(trials=2)) as store:
        policy = Policy(store.space, store.study, store)
        policy.ask()
        policy.report(0, report(5, 9))
        policy.report(0, report(30, 7))
        policy.tell(0, Outcome.COMPLETED, tags={"device": "cpu"})
        policy.ask()
        policy.tell(1, Outcome.DIVERGED)
    with StudyStore.open(url, "s") as store:
        store.extend(trials=3, max_kimg=60)
        assert (store.space.budget.trials, store.space.budget.max_kimg) == (3, 60)
        policy = Policy(store.space, store.study, store)
        again = policy.ask()
        assert again is not None
        assert (again.number, again.resume) == (0, report(30, 7))
        assert policy.report(0, report(60, 6))
        policy.tell(0, Outcome.COMPLETED)
        new = policy.ask()
        assert new is not None
        assert new.number == 2
        assert policy.ask() is None
        decided = policy.record()
    space, read = read_study(url, "s")  # the larger budget is on record
    assert (space.budget.trials, space.budget.max_kimg) == (3, 60)
    assert read == decided
    assert [r.kimg for r in read.trials[0].reports] == [5, 30, 60]


@pytest.mark.parametrize("less", [{"trials": 11}, {"max_kimg": 29.0}])
def test_a_smaller_budget_is_refused_and_the_lease_released(
    less: dict[str, float], url: str, make_space: MakeSpace
) -> None:
    StudyStore.create(url, "s", make_space()).close()
    with (
        pytest.raises(StudyError, match="more, but not less"),
        StudyStore.open(url, "s") as store,
    ):
        store.extend(**less)  # type: ignore[arg-type]
    StudyStore.open(url, "s").close()


def test_a_repeated_operation_changes_nothing(
    url: str,
    make_space: MakeSpace,
    trial: Callable[..., TrialRecord],
    report: Callable[..., Report],
) -> None:
    """A server that goes away while it answers has done what it was asked, or not."""
    complete = trial(reports=(report(30),), outcome=Outcome.COMPLETED, ended=9.0)
    running = replace(complete, reports=(), outcome=None, ended=None)
    with StudyStore.create(url, "s", make_space()) as store:
        store.record_trial(running)
        store.flush()
        store._count -= 1  # as it is where the answer was lost
        for _ in range(2):
            store.record_report(complete, report(30))
        store.record_trial(running)
        for _ in range(2):
            store.record_end(complete)
    assert read_study(url, "s")[1].trials == (complete,)


# --- SQLite -------------------------------------------------------------------------------------


def test_a_full_disk_is_an_error_at_the_next_operation_and_the_record_stays(
    tmp_path: Path, make_space: MakeSpace, train: Train
) -> None:
    url = sqlite_url(tmp_path / "studies.db")
    store = StudyStore.create(url, "s", make_space(trials=500))
    policy = run(store, train, 2)
    store.flush()
    before = policy.record()
    store._queue.submit(lambda: limit_pages(store._storage))
    with pytest.raises(StudyError, match=r"cannot be written.*disk is full"):
        search_on(policy, store, train)
    with pytest.raises(StudyError, match="disk is full"):
        policy.ask()
    with pytest.raises(StudyError, match="disk is full"):
        store.close()
    kept = read_study(url, "s")[1]
    assert kept.trials[:2] == before.trials
    numbers = [trial.number for trial in kept.trials]
    assert numbers == list(range(len(numbers)))  # a beginning of the history


def search_on(policy: Policy, store: StudyStore, train: Train) -> None:
    while ask := policy.ask():
        train(policy, ask)
        store.flush()


def limit_pages(storage: RDBStorage) -> None:
    storage.engine.dispose()
    sqlalchemy.event.listen(
        storage.engine, "connect", lambda opened, _: opened.execute("PRAGMA max_page_count=1")
    )


def test_operations_on_a_locked_database_are_retried(
    tmp_path: Path, make_space: MakeSpace, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = sqlite_url(tmp_path / "studies.db")
    tries: list[str] = []
    with StudyStore.create(url, "s", make_space()) as store:
        write = store._write_report

        def locked_at_first(trial: TrialRecord, report: Report) -> None:
            tries.append("")
            if len(tries) < 4:
                original = sqlite3.OperationalError("database is locked")
                raise optuna.exceptions.StorageInternalError from (
                    sqlalchemy.exc.OperationalError("UPDATE", {}, original)
                )
            write(trial, report)

        monkeypatch.setattr(store, "_write_report", locked_at_first)
        policy = run(store, train, 1)
    assert read_study(url, "s")[1] == policy.record()


def test_an_empty_study_reads_back(url: str, make_space: MakeSpace) -> None:
    with StudyStore.create(url, "s", make_space()) as store:
        assert isinstance(store.study, StudyRecord)
        assert store.study.trials == ()
        assert store.study.space_file == "small.yaml"
