"""Jobs of a policy's trials with their shares of a GPU."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from gansearch.config import TrainConfig
from gansearch.record import DEVICE_MEMORY, PREDICTED_MEMORY, Outcome, StudyRecord
from gansearch.search.engine import packing, tune
from gansearch.search.engine.jobs import Jobs
from gansearch.search.engine.worker import Job
from gansearch.search.policy import Policy
from gansearch.space import Space

GPU = 64 * 1024.0
"""Memory of a GPU, in MiB."""


class ManualPredictor:
    """A predictor whose predictions are made by hand."""

    def __init__(self) -> None:
        self.pending: list[Future[float | None]] = []

    def predict(self, _: TrainConfig) -> Future[float | None]:
        self.pending.append(Future())
        return self.pending[-1]


def test_a_job_waits_for_its_prediction_and_a_trial_that_cannot_fit_is_ended(
    packed: Callable[..., Space],
    study: Callable[..., StudyRecord],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    predictor = ManualPredictor()
    monkeypatch.setattr("gansearch.search.engine.jobs.MemoryPredictor", lambda: predictor)
    space = packed(3, [8, 16, 32])
    policy = Policy(space, study())
    jobs = Jobs(policy, space, "/results/s")
    handed_out = []
    for predicted in (40_000.0, 1e6, None):
        assert jobs.next() is None
        assert jobs.waits
        predictor.pending[-1].set_result(predicted)
        if predicted != 1e6:  # or the next one is asked for at once
            handed_out.append(jobs.next())
    assert [(job["number"], job["gpus"]) for job in handed_out if job] == [(0, 1.0), (2, 1.0)]
    assert len(predictor.pending) == 3
    assert jobs.next() is None
    assert not jobs.waits
    refused = policy.record().trials[1]
    assert refused.outcome == Outcome.OUT_OF_MEMORY
    assert refused.tags == {PREDICTED_MEMORY: "1000000.0", DEVICE_MEMORY: f"{GPU:.1f}"}


def test_the_predicted_memory_of_a_trial_that_ran_out_of_memory_is_on_record(
    packed: Callable[..., Space], study: Callable[..., StudyRecord]
) -> None:
    adaptor = tune.SearchAdaptor(Policy(packed(4, [8, 16]), study()))
    adaptor.policy.ask()
    scheduler, running = (
        tune.PolicyScheduler(adaptor),
        SimpleNamespace(config={"number": 0, "can_grow": False}),
    )
    predicted_memory = {PREDICTED_MEMORY: 1234.56, DEVICE_MEMORY: 1000.0}
    end = {"outcome": "out_of_memory", "reason": "because", "host": "here"}
    for result in ({"predicted_memory": json.dumps(predicted_memory)}, end):
        scheduler.on_trial_result(None, running, result)  # type: ignore[arg-type]
    (ended,) = adaptor.policy.record().trials
    assert ended.outcome == Outcome.OUT_OF_MEMORY
    assert ended.tags == {PREDICTED_MEMORY: "1234.6", DEVICE_MEMORY: f"{GPU:.1f}", "host": "here"}


@pytest.fixture
def adaptors(
    packed: Callable[..., Space], study: Callable[..., StudyRecord], monkeypatch: pytest.MonkeyPatch
) -> tuple[tune.SearchAdaptor, tune.PolicySearcher]:
    """Those of a study on one GPU whose two trials have a small predicted memory."""
    monkeypatch.setattr(packing, "_predict", lambda _: 1000.0)
    monkeypatch.setattr(tune.ray, "cluster_resources", lambda: {"CPU": 8.0, "GPU": 1.0})
    space = packed(2, [8, 16])
    adaptor = tune.SearchAdaptor(Policy(space, study()))
    return adaptor, tune.PolicySearcher(adaptor, space, "/results/s")


def suggested(searcher: tune.PolicySearcher, name: str) -> Any:
    """The job that it suggests once the predictions are made."""
    deadline = time.monotonic() + 30
    while (job := searcher.suggest(name)) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return job


def run_out_of_memory(
    adaptor: tune.SearchAdaptor, searcher: tune.PolicySearcher, name: str, job: Job
) -> None:
    """End a trial that ran out of memory, as its worker and Tune do."""
    predicted_memory = {PREDICTED_MEMORY: 1000.0, DEVICE_MEMORY: job["gpus"] * GPU}
    result = {"outcome": "out_of_memory", "reason": "because", "host": "here"}
    scheduler, running = tune.PolicyScheduler(adaptor), SimpleNamespace(config=job)
    for message in ({"predicted_memory": json.dumps(predicted_memory)}, result):
        scheduler.on_trial_result(None, running, message)  # type: ignore[arg-type]
    searcher.on_trial_complete(name)


def test_out_of_memory_in_a_share_is_retried_in_the_next_larger_one(
    adaptors: tuple[tune.SearchAdaptor, tune.PolicySearcher],
) -> None:
    adaptor, searcher = adaptors
    shares = []
    for attempt in range(4):
        job = suggested(searcher, f"t{attempt}")
        assert job["number"] == 0
        shares.append(job["gpus"])
        assert (adaptor.policy.record().trials[0].outcome is None) == (attempt < 4)
        run_out_of_memory(adaptor, searcher, f"t{attempt}", job)
    assert shares == [1 / 8, 1 / 4, 1 / 2, 1]
    (trial, *_) = adaptor.policy.record().trials
    assert trial.outcome == Outcome.OUT_OF_MEMORY
    assert trial.tags[DEVICE_MEMORY] == f"{GPU:.1f}"
    assert suggested(searcher, "next")["number"] == 1


def test_the_search_continues_while_a_trial_may_need_a_larger_share(
    adaptors: tuple[tune.SearchAdaptor, tune.PolicySearcher],
) -> None:
    adaptor, searcher = adaptors
    jobs = [suggested(searcher, f"t{number}") for number in range(2)]
    assert searcher.suggest("none") is None  # not FINISHED
    adaptor.policy.tell(0, Outcome.COMPLETED, "")
    searcher.on_trial_complete("t0")
    run_out_of_memory(adaptor, searcher, "t1", jobs[1])
    assert suggested(searcher, "t2") == {**jobs[1], "gpus": 1 / 4}
