"""Ray's searcher and scheduler over a policy, without a cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from gansearch.errors import ConfigError
from gansearch.record import Outcome, StudyRecord
from gansearch.search.engine import jobs, tune
from gansearch.search.engine.tune import (
    PolicyScheduler,
    PolicySearcher,
    SearchAdaptor,
    StopCondition,
)
from gansearch.search.engine.worker import Job
from gansearch.search.policy import Ask, Policy
from gansearch.space import Space

CONTINUE, STOP = TrialScheduler.CONTINUE, TrialScheduler.STOP


class Bench:
    """A policy with its two adaptors, on a cluster of so many trials."""

    def __init__(self, space: Space) -> None:
        self.policy = Policy(space, StudyRecord("s", "", "", 0.0, {}, ()))
        self.adaptor = SearchAdaptor(self.policy)
        self.searcher = PolicySearcher(self.adaptor, space, "/results/s")
        self.scheduler = PolicyScheduler(self.adaptor)

    def result(self, number: int, **result: Any) -> str:
        trial = SimpleNamespace(config={"number": number, "can_grow": False})
        return self.scheduler.on_trial_result(None, trial, result)

    def report(self, number: int, kimg: float, **metrics: float) -> str:
        values = {"fd_digits": 1.0, "train_seconds": kimg, **metrics}
        return self.result(number, report=json.dumps({"kimg": kimg, "metrics": values}))

    def fail(self, number: int, trial_id: str, text: str, tmp_path: Any) -> None:
        file = tmp_path / "error.txt"
        with file.open("a") as lines:
            lines.write(text)
        trial = SimpleNamespace(config={"number": number}, error_file=str(file))
        self.scheduler.on_trial_error(None, trial)
        self.searcher.on_trial_complete(trial_id, error=True)

    def trial(self, number: int) -> Any:
        return self.policy.record().trials[number]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    resources = {"CPU": 4.0}
    monkeypatch.setattr(tune.ray, "cluster_resources", lambda: resources)
    monkeypatch.setattr(tune, "CAPACITY_SECONDS", -1.0)
    return resources


@pytest.fixture
def bench(tiny_space: Callable[..., Space], cluster: Any) -> Bench:
    return Bench(tiny_space())


def ask_all(bench: Bench, limit: int = 20) -> list[int]:
    asked = []
    for step in range(limit):
        job = bench.searcher.suggest(f"t{step}")
        if job is None or job == Searcher.FINISHED:
            break
        asked.append(job["number"])
    return asked


@pytest.mark.parametrize(
    ("sections", "resources", "expected"),
    [
        ({}, {"CPU": 3.0}, 3),
        ({"resources": {"cpus": 2}}, {"CPU": 5.0}, 2),
        ({"resources": {"cpus": 0.5}}, {"CPU": 2.0}, 4),
        ({"resources": {"cpus": 1, "gpus": 0.5}}, {"CPU": 8.0, "GPU": 1.0}, 2),
        ({}, {"CPU": 0.0}, 1),
        ({"search": {"sampler": "random", "concurrency": 2}}, {"CPU": 8.0}, 2),
        ({"search": {"sampler": "random", "concurrency": 3}}, {"CPU": 1.0}, 3),
    ],
)
def test_the_trials_in_flight_are_limited_by_the_resources(
    tiny_space: Callable[..., Space],
    cluster: dict[str, float],
    sections: dict[str, Any],
    resources: dict[str, float],
    expected: int,
) -> None:
    cluster.clear()
    cluster.update(resources)
    assert len(ask_all(Bench(tiny_space(**sections)))) == expected


def test_a_cluster_that_grows_is_filled(bench: Bench, cluster: dict[str, float]) -> None:
    cluster["CPU"] = 1.0
    assert ask_all(bench) == [0]
    cluster["CPU"] = 3.0
    assert bench.searcher.suggest("a")["number"] == 1
    assert bench.searcher.suggest("b")["number"] == 2
    assert bench.searcher.suggest("c") is None


def test_a_full_cluster_waits_and_a_used_budget_finishes(bench: Bench, cluster: Any) -> None:
    cluster["CPU"] = 3.0
    assert ask_all(bench) == [0, 1, 2]
    assert bench.searcher.suggest("x") is None
    bench.searcher.on_trial_complete("t0")
    assert bench.searcher.suggest("y")["number"] == 3
    bench.searcher.on_trial_complete("t1")
    assert bench.searcher.suggest("z") == Searcher.FINISHED


def test_the_search_waits_for_trials_that_decide_the_replicates(
    tiny_space: Callable[..., Space], cluster: Any
) -> None:
    budget = {"trials": 2, "max_kimg": 10, "rungs": []}
    search = {"sampler": "random", "stopping": "none", "replicates": 2}
    bench = Bench(tiny_space(budget=budget, search=search))
    assert ask_all(bench) == [0, 1]
    assert bench.searcher.suggest("x") is None  # none has completed, but some may
    bench.report(0, 10, fd_digits=3.0)
    bench.searcher.on_trial_complete("t0")
    again = bench.searcher.suggest("y")
    assert (again["number"], bench.trial(2).replicates) == (2, 0)
    bench.result(1, outcome="diverged", reason="nan", host="node")
    bench.searcher.on_trial_complete("t1")
    assert bench.searcher.suggest("z") is None
    bench.searcher.on_trial_complete("y")
    assert bench.searcher.suggest("z") == Searcher.FINISHED


def test_a_completed_trial(bench: Bench) -> None:
    bench.searcher.suggest("a")
    assert [bench.report(0, kimg) for kimg in (2, 5, 10)] == [CONTINUE] * 3
    assert bench.result(0, outcome="completed", reason="", host="node") == STOP
    trial = bench.trial(0)
    assert trial.outcome == Outcome.COMPLETED
    assert [report.kimg for report in trial.reports] == [2, 5, 10]
    assert trial.tags["host"] == "node"


@pytest.mark.parametrize("outcome", ["diverged", "out_of_memory", "failed"])
def test_an_outcome_from_the_worker_is_recorded(bench: Bench, outcome: str) -> None:
    bench.searcher.suggest("a")
    assert bench.result(0, outcome=outcome, reason="because", host="node") == STOP
    assert (bench.trial(0).outcome, bench.trial(0).reason) == (Outcome(outcome), "because")
    assert bench.adaptor.error is None


def test_a_poor_trial_is_stopped(tiny_space: Callable[..., Space], cluster: Any) -> None:
    bench = Bench(tiny_space(search={"sampler": "random", "stopping": "asha"}))
    for step in range(4):
        bench.searcher.suggest(f"t{step}")
    decisions = [bench.report(number, 2, fd_digits=number) for number in range(4)]
    assert decisions[0] == CONTINUE
    assert decisions[-1] == STOP
    assert bench.trial(3).outcome == Outcome.STOPPED


DEAD = """Failure # 1 (occurred at 2026-01-01_00-00-00)
The actor died unexpectedly before finishing this task.
\tclass_name: ImplicitFunc
The actor is dead because its worker process has died. (1) killed by the OOM killer
"""
RAISED = """Failure # 2 (occurred at 2026-01-01_00-00-01)
ray::ImplicitFunc.train() (pid=1)
  File "x.py", line 1, in f
OSError: [Errno 28] No space left on device
"""
PRESSED = """Failure # 1 (occurred at 2026-01-01_00-00-00)
The actor died. Worker exit type: NODE_OUT_OF_MEMORY Worker exit detail: ...
"""


@pytest.mark.parametrize(
    ("text", "outcome", "reason"),
    [
        (DEAD, Outcome.FAILED, "The actor died unexpectedly before finishing this task."),
        (DEAD + RAISED, Outcome.FAILED, "OSError: [Errno 28] No space left on device"),
        (PRESSED, Outcome.OUT_OF_MEMORY, "ran out of memory"),
        ("", Outcome.FAILED, "the trial's process failed"),
    ],
)
def test_a_process_without_retries_left_has_an_outcome_and_a_reason(
    bench: Bench, tmp_path: Any, text: str, outcome: Outcome, reason: str
) -> None:
    bench.searcher.suggest("a")
    bench.fail(0, "a", text, tmp_path)
    assert bench.trial(0).outcome == outcome
    assert reason in bench.trial(0).reason


def test_a_failure_that_is_retried_is_no_outcome(bench: Bench, tmp_path: Any) -> None:
    bench.searcher.suggest("a")
    file = tmp_path / "error.txt"
    file.write_text(DEAD)
    trial = SimpleNamespace(config={"number": 0}, error_file=str(file))
    bench.scheduler.on_trial_error(None, trial)
    assert bench.trial(0).outcome is None


@pytest.mark.parametrize(
    "result",
    [
        {"report": json.dumps({"kimg": 2, "metrics": {"train_seconds": 1.0}})},
        {"report": '{"kimg": 2, "metrics": {"fd_digits": NaN, "train_seconds": 1.0}}'},
        {"report": "not JSON"},
        {},
        {"outcome": "surprised", "reason": "", "host": ""},
    ],
)
def test_an_invalid_result_never_raises_in_tune(bench: Bench, result: dict[str, str]) -> None:
    bench.searcher.suggest("a")
    assert bench.result(0, **result) in (CONTINUE, STOP)
    others = bench.searcher.suggest("b")
    assert others["number"] == 1


def test_an_error_of_the_policy_is_logged_once_and_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> bool:
        raise RuntimeError("disk is gone")

    bench.searcher.suggest("a")
    monkeypatch.setattr(bench.policy, "report", broken)
    assert bench.report(0, 2) == CONTINUE
    assert bench.report(0, 5) == CONTINUE
    assert str(bench.adaptor.error) == "disk is gone"
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_a_policy_that_raises_ends_the_search(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("disk is gone")

    monkeypatch.setattr(bench.policy, "ask", broken)
    assert bench.searcher.suggest("a") == Searcher.FINISHED
    assert bench.adaptor.error is not None


def test_an_invalid_configuration_fails_without_the_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_of = jobs.job_of

    def picky(ask: Ask, space: Space, storage: str) -> Job:
        if ask.number == 1:
            raise ConfigError("no room for 9 channels")
        return job_of(ask, space, storage)

    monkeypatch.setattr(jobs, "job_of", picky)
    assert ask_all(bench) == [0, 2, 3]
    assert bench.trial(1).outcome == Outcome.FAILED
    assert bench.trial(1).reason == "no room for 9 channels"
    assert bench.adaptor.error is None


def test_the_stop_condition_holds_after_the_wall_clock_or_a_signal() -> None:
    assert not StopCondition(None).stop_all()
    assert StopCondition(0.0).stop_all()
    assert StopCondition(0.0).reason == "the wall clock of 0 min has run out"
    signals: list[int] = []
    stop_condition = StopCondition(3600.0, signals)
    assert not stop_condition.stop_all()
    signals.append(15)
    assert stop_condition.stop_all()
    assert stop_condition.reason == "interrupted"


def test_a_trial_ended_by_a_signal_to_all_processes_has_no_outcome(bench: Bench) -> None:
    signals: list[int] = []
    bench.adaptor.signals = signals
    (first, second) = (bench.searcher.suggest(tune_id) for tune_id in "ab")
    bench.searcher.on_trial_complete("a", error=True)
    assert bench.trial(first["number"]).outcome == Outcome.FAILED
    signals.append(15)
    bench.searcher.on_trial_complete("b", error=True)
    assert bench.trial(second["number"]).outcome is None
