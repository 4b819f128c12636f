"""Shares of GPUs by predicted memory: what trials are given, and what Ray runs side by side."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from gansearch.config import TrainConfig
from gansearch.errors import StudyError
from gansearch.record import DEVICE_MEMORY, PREDICTED_MEMORY, Outcome, Report, StudyRecord
from gansearch.search.engine import cluster, packing, tune
from gansearch.search.engine.jobs import Jobs
from gansearch.search.engine.packing import (
    BESIDE_MIB,
    EVALUATION_MIB,
    MARGIN,
    Foresight,
    gpu_memory_tag,
    share_of_gpu,
)
from gansearch.search.engine.worker import Job, Tell
from gansearch.search.policy import Policy
from gansearch.space import Space, parse_space

GPU = 64 * 1024.0
BATCHES = {8: 1000.0, 16: 6000.0, 32: 20_000.0, 64: 40_000.0, 128: 90_000.0}
"""MiB that trials are said to need, by their batch size; the last ones fit nowhere."""
SPACE = """
name: packed
variant: gan
data: {{name: digits, holdout: 0.5}}
parameters:
  batch_size: {batches}
objectives: {{fd_digits: minimize, seconds_per_kimg: minimize}}
budget: {{trials: {trials}, max_kimg: 1}}
resources: {{cpus: 1, gpus: auto}}
search: {{sampler: grid, stopping: none}}
"""


def packed(trials: int, batches: list[int]) -> Space:
    return parse_space(SPACE.format(trials=trials, batches=batches), "packed.yaml")


def study(*there: float, reports: tuple[Report, ...] = (), **fields: Any) -> StudyRecord:
    record = StudyRecord("s", "", "", 0.0, gpu_memory_tag(there or (GPU,)), ())
    return replace(record, **fields)


def test_the_share_is_the_smallest_that_holds_what_is_needed() -> None:
    for share, next_one in ((1 / 8, 1 / 4), (1 / 4, 1 / 2), (1 / 2, 1.0)):
        most = (share * GPU - BESIDE_MIB) / MARGIN
        assert share_of_gpu(0.999 * most, study()) == share
        assert share_of_gpu(1.001 * most, study()) == next_one
    assert share_of_gpu(GPU, study()) == 1.0  # not clearly too large


def test_what_clearly_fits_on_no_gpu_is_refused() -> None:
    with pytest.raises(MemoryError, match="80,000 MiB; the largest GPU has 65,536 MiB"):
        share_of_gpu(80_000, study())


def test_a_share_is_of_the_smallest_gpu_and_the_largest_decides_what_fits() -> None:
    both = study(GPU, GPU / 4)
    assert share_of_gpu(10_000, study()) == 1 / 4
    assert share_of_gpu(10_000, both) == 1.0
    assert share_of_gpu(30_000, both) == 1.0


def test_a_trial_that_needed_more_than_was_predicted_widens_the_margin(
    trial: Callable[..., Any],
) -> None:
    def told(predicted: float, reserved: float) -> StudyRecord:
        """What others cannot have counts, and not what was in use of it."""
        metrics = {
            PREDICTED_MEMORY: predicted,
            "peak_memory_mib": predicted,
            "reserved_memory_mib": reserved + EVALUATION_MIB,
        }
        return study(trials=(trial(reports=(Report(1.0, metrics),)),))

    predicted = (GPU / 4 - BESIDE_MIB) / 1.2  # within a quarter by a margin of up to 1.2
    assert share_of_gpu(predicted, study()) == 1 / 4
    assert share_of_gpu(predicted, told(10_000, 12_500)) == 1 / 2
    assert share_of_gpu(predicted, told(10_000, 8_000)) == 1 / 4
    assert share_of_gpu(predicted, told(10, 20)) == 1 / 4  # too small to count


def test_equal_networks_are_predicted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[TrainConfig] = []
    monkeypatch.setattr(packing, "_predict", lambda config: asked.append(config) or 7.0)
    space, foresight = packed(4, [8, 16]), Foresight()
    for batch_size, rate in ((8, 0.1), (8, 0.2), (16, 0.2)):
        params = {"variant": "gan", "batch_size": batch_size, "g_lr": rate}
        assert foresight.predict(space.train_config(params, seed=len(asked))).result() == 7.0
    foresight.close()
    assert [config.settings.batch_size for config in asked] == [8, 16]


# --- Jobs ----------------------------------------------------------------------------------------


class Slow:
    """A foresight that knows when it is told to."""

    def __init__(self) -> None:
        self.asked: list[Future[float | None]] = []

    def predict(self, _: TrainConfig) -> Future[float | None]:
        self.asked.append(Future())
        return self.asked[-1]


def test_a_job_waits_for_its_prediction_and_what_cannot_fit_is_told_instead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    foresight = Slow()
    monkeypatch.setattr("gansearch.search.engine.jobs.Foresight", lambda: foresight)
    space = packed(3, [8, 16, 32])
    policy = Policy(space, study())
    jobs = Jobs(policy, space, "/results/s")
    handed_out = []
    for predicted in (40_000.0, 1e6, None):
        assert jobs.next() is None
        assert jobs.waits
        foresight.asked[-1].set_result(predicted)
        if predicted != 1e6:  # or the next one is asked for at once
            handed_out.append(jobs.next())
    assert [(job["number"], job["gpus"]) for job in handed_out if job] == [(0, 1.0), (2, 1.0)]
    assert len(foresight.asked) == 3
    assert jobs.next() is None
    assert not jobs.waits
    refused = policy.record().trials[1]
    assert refused.outcome == Outcome.OUT_OF_MEMORY
    assert refused.tags == {PREDICTED_MEMORY: "1000000.0", DEVICE_MEMORY: f"{GPU:.1f}"}


def test_what_a_worker_foresaw_is_on_record_when_its_trial_ran_out_of_memory() -> None:
    desk = tune.Desk(Policy(packed(4, [8, 16]), study()))
    desk.policy.ask()
    scheduler, running = (
        tune.PolicyScheduler(desk),
        SimpleNamespace(config={"number": 0, "can_grow": False}),
    )
    foreseen = {PREDICTED_MEMORY: 1234.56, DEVICE_MEMORY: 1000.0}
    end = {"outcome": "out_of_memory", "reason": "because", "host": "here"}
    for result in ({"foreseen": json.dumps(foreseen)}, end):
        scheduler.on_trial_result(None, running, result)  # type: ignore[arg-type]
    (ended,) = desk.policy.record().trials
    assert ended.outcome == Outcome.OUT_OF_MEMORY
    assert ended.tags == {PREDICTED_MEMORY: "1234.6", DEVICE_MEMORY: f"{GPU:.1f}", "host": "here"}


# --- Shares that are too small -------------------------------------------------------------------


@pytest.fixture
def adaptors(monkeypatch: pytest.MonkeyPatch) -> tuple[tune.Desk, tune.PolicySearcher]:
    """Of a study whose two trials are predicted to need little, on one GPU."""
    monkeypatch.setattr(packing, "_predict", lambda _: 1000.0)
    monkeypatch.setattr(tune.ray, "cluster_resources", lambda: {"CPU": 8.0, "GPU": 1.0})
    space = packed(2, [8, 16])
    desk = tune.Desk(Policy(space, study()))
    return desk, tune.PolicySearcher(desk, space, "/results/s")


def suggested(searcher: tune.PolicySearcher, name: str) -> Any:
    """What it suggests once predictions are there."""
    deadline = time.monotonic() + 30
    while (job := searcher.suggest(name)) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return job


def ended(desk: tune.Desk, searcher: tune.PolicySearcher, name: str, job: Job) -> None:
    """A trial that ran out of memory, as its worker and Tune tell it."""
    foreseen = {PREDICTED_MEMORY: 1000.0, DEVICE_MEMORY: job["gpus"] * GPU}
    result = {"outcome": "out_of_memory", "reason": "because", "host": "here"}
    scheduler, running = tune.PolicyScheduler(desk), SimpleNamespace(config=job)
    for told in ({"foreseen": json.dumps(foreseen)}, result):
        scheduler.on_trial_result(None, running, told)  # type: ignore[arg-type]
    searcher.on_trial_complete(name)


def test_out_of_memory_in_a_share_is_tried_in_the_next_larger_one(
    adaptors: tuple[tune.Desk, tune.PolicySearcher],
) -> None:
    desk, searcher = adaptors
    shares = []
    for attempt in range(4):
        job = suggested(searcher, f"t{attempt}")
        assert job["number"] == 0
        shares.append(job["gpus"])
        assert (desk.policy.record().trials[0].outcome is None) == (attempt < 4)
        ended(desk, searcher, f"t{attempt}", job)
    assert shares == [1 / 8, 1 / 4, 1 / 2, 1]
    (trial, *_) = desk.policy.record().trials
    assert trial.outcome == Outcome.OUT_OF_MEMORY
    assert trial.tags[DEVICE_MEMORY] == f"{GPU:.1f}"
    assert suggested(searcher, "next")["number"] == 1


def test_the_search_goes_on_while_a_trial_may_come_back(
    adaptors: tuple[tune.Desk, tune.PolicySearcher],
) -> None:
    desk, searcher = adaptors
    jobs = [suggested(searcher, f"t{number}") for number in range(2)]
    assert searcher.suggest("none") is None  # and not that it is over
    desk.policy.tell(0, Outcome.COMPLETED, "")
    searcher.on_trial_complete("t0")
    ended(desk, searcher, "t1", jobs[1])
    assert suggested(searcher, "t2") == {**jobs[1], "gpus": 1 / 4}


def test_what_a_worker_foresees_in_a_share_is_against_the_whole_gpu(
    adaptors: tuple[tune.Desk, tune.PolicySearcher],
) -> None:
    """The study may give a trial more; a share that a person chose is all there is."""
    foreseen = {PREDICTED_MEMORY: 1000.0, DEVICE_MEMORY: GPU / 4}
    assert packing.of_whole_gpu(foreseen, study()) == {**foreseen, DEVICE_MEMORY: GPU}
    assert packing.of_whole_gpu(foreseen, StudyRecord("s", "", "", 0.0, {}, ())) == foreseen


# --- On Ray --------------------------------------------------------------------------------------


def stand_in(job: Job, tell: Tell) -> None:
    """Writes down where it is instead of training, and waits until all that fit are there."""
    folder = Path(job["folder"]).parent
    place = {"gpu": ray.get_gpu_ids(), "share": job["gpus"]}
    batch_size = json.loads(job["config"])["settings"]["batch_size"]
    folder.joinpath(f"{batch_size}.json").write_text(json.dumps(place))
    deadline = time.monotonic() + 300
    while len(list(folder.glob("*.json"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    metrics = {"fd_digits": 1.0, "seconds_per_kimg": 1.0}
    tell({"report": json.dumps({"kimg": 1.0, "metrics": metrics})})
    tell({"outcome": "completed", "reason": "", "host": "here"})


@pytest.fixture
def two_gpus() -> Iterator[None]:
    short = Path("/tmp") / f"gs-{os.getpid()}"  # noqa: S108 - sockets want short paths
    ray.init(
        "local",
        num_cpus=8,
        num_gpus=2,
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        log_to_driver=False,
        _temp_dir=str(short),
    )
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    ray.shutdown()
    shutil.rmtree(short, ignore_errors=True)


@pytest.mark.slow
def test_ray_packs_trials_by_their_memory_and_is_given_nothing_that_cannot_fit(
    two_gpus: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tune, "train_trial", stand_in)
    monkeypatch.setattr(packing, "_predict", lambda config: BATCHES[config.settings.batch_size])
    monkeypatch.setattr(cluster, "gpu_memory", lambda: [GPU])
    space = packed(5, list(BATCHES))
    tags = cluster.gpu_tags(space)
    assert tags == {"gpu_memory_mib": f"{GPU:.0f}"}
    desk = tune.Desk(Policy(space, study(tags=tags)))
    with cluster.cluster(None, space):
        tune.search(desk, space, str(tmp_path), tune.Brake(None))
    assert desk.error is None
    ran = {int(file.stem): json.loads(file.read_text()) for file in tmp_path.glob("*.json")}
    assert {size: e["share"] for size, e in ran.items()} == {8: 1 / 8, 16: 1 / 4, 32: 1 / 2, 64: 1}
    # They were there at once: the three with a share on one GPU, the whole one on the other.
    assert ran[8]["gpu"] == ran[16]["gpu"] == ran[32]["gpu"] != ran[64]["gpu"]
    outcomes = {t.params["batch_size"]: t.outcome for t in desk.policy.record().trials}
    assert outcomes.pop(128) == Outcome.OUT_OF_MEMORY
    assert set(outcomes.values()) == {Outcome.COMPLETED}


@pytest.mark.slow
def test_gpus_that_do_not_tell_their_memory_are_named(two_gpus: None) -> None:
    with pytest.raises(StudyError, match="auto needs the memory of the GPUs"):
        cluster.gpu_tags(packed(2, [8]))
