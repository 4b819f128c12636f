"""Connection to Ray, its errors, and its resources."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ray

from gansearch.errors import StudyError
from gansearch.record import Outcome, StudyRecord
from gansearch.search.engine import cluster as module
from gansearch.search.engine import packing, tune
from gansearch.search.engine.cluster import capacity, cluster, gpu_tags
from gansearch.search.engine.worker import Job, Send
from gansearch.search.policy import Policy
from gansearch.space import Space

GPU = 64 * 1024.0
"""Memory of a GPU, in MiB."""
BATCHES = {8: 1000.0, 16: 6000.0, 32: 20_000.0, 64: 40_000.0, 128: 90_000.0}
"""Predicted memory of trials in MiB, by batch size; the last one fits on no GPU."""


@pytest.fixture
def space(tiny_space: Callable[..., Space]) -> Space:
    return tiny_space()


def test_a_path_too_long_for_sockets_is_named(
    space: Space, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(long))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with (
        pytest.raises(StudyError, match="set RAY_TMPDIR to a shorter folder"),
        cluster(None, space),
    ):
        pass
    assert not ray.is_initialized()


def test_a_ray_that_does_not_start_is_one_readable_error(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object, **__: object) -> None:
        raise TimeoutError("Timed out waiting for the raylet\nand more")

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(module.ray, "init", slow)
    with pytest.raises(StudyError) as caught, cluster(None, space):
        pass
    assert len(str(caught.value).splitlines()) == 1
    assert "Timed out waiting for the raylet; run the command again" in str(caught.value)


def test_a_cluster_that_does_not_answer_is_named(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(address: str, **_: object) -> None:
        raise ConnectionError(f"Failed to connect to Ray cluster at {address}")

    monkeypatch.setattr(module.ray, "init", nobody)
    with (
        pytest.raises(StudyError, match="no Ray cluster answers at 'elsewhere:6379'"),
        cluster("elsewhere:6379", space),
    ):
        pass


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not pin threads")
def test_a_local_ray_has_the_cores_that_this_process_may_use(
    monkeypatch: pytest.MonkeyPatch, space: Space
) -> None:
    """As with ``taskset`` before the command."""
    options_given: dict[str, Any] = {}
    allowed = os.sched_getaffinity(0)
    monkeypatch.setattr(module.ray, "init", lambda *_, **options: options_given.update(options))
    monkeypatch.setattr(module.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(module, "capacity", lambda _: 1)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        with cluster(None, space):
            assert options_given["num_cpus"] == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize(
    ("needed", "available", "trials"),
    [
        ({"cpus": 2}, {"CPU": 5.0}, 2),
        ({"cpus": 0.5}, {"CPU": 2.0, "GPU": 0.0}, 4),
        ({"cpus": 1, "gpus": 0.25}, {"CPU": 8.0, "GPU": 1.0}, 4),
        ({"cpus": 1, "gpus": 1}, {"CPU": 8.0}, 0),
        ({"cpus": 1, "gpus": "auto"}, {"CPU": 64.0, "GPU": 1.0}, 8),
    ],
)
def test_capacity_is_that_of_the_scarcest_resource(
    tiny_space: Callable[..., Space],
    monkeypatch: pytest.MonkeyPatch,
    needed: dict[str, Any],
    available: dict[str, float],
    trials: int,
) -> None:
    monkeypatch.setattr(module.ray, "cluster_resources", lambda: available)
    assert capacity(tiny_space(resources=needed)) == trials


def test_a_trial_above_the_resources_of_the_cluster_is_refused(
    tiny_space: Callable[..., Space], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.ray, "is_initialized", lambda: True)
    monkeypatch.setattr(module.ray, "cluster_resources", lambda: {"CPU": 4.0})
    with (
        pytest.raises(StudyError, match=r"needs 8 CPUs and 0 GPUs .*, Ray has 4 and 0"),
        cluster(None, tiny_space(resources={"cpus": 8})),
    ):
        pass


def test_without_shared_gpus_no_node_is_asked_for_its_memory(space: Space) -> None:
    assert gpu_tags(space) == {}


def stand_in(job: Job, send: Send) -> None:
    """Write the GPU and share to a file instead of training; wait until four trials run."""
    folder = Path(job["folder"]).parent
    found = {"gpu": ray.get_gpu_ids(), "share": job["gpus"]}
    batch_size = job["config"].settings.batch_size
    folder.joinpath(f"{batch_size}.json").write_text(json.dumps(found))
    deadline = time.monotonic() + 300
    while len(list(folder.glob("*.json"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    metrics = {"fd_digits": 1.0, "seconds_per_kimg": 1.0}
    send({"report": json.dumps({"kimg": 1.0, "metrics": metrics})})
    send({"outcome": "completed", "reason": "", "host": "here"})


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
def test_ray_places_trials_by_their_memory_and_gets_none_that_cannot_fit(
    packed: Callable[..., Space],
    study: Callable[..., StudyRecord],
    two_gpus: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tune, "train_trial", stand_in)
    monkeypatch.setattr(packing, "_predict", lambda config: BATCHES[config.settings.batch_size])
    monkeypatch.setattr(module, "gpu_memory", lambda: [GPU])
    space = packed(5, list(BATCHES))
    tags = gpu_tags(space)
    assert tags == {"gpu_memory_mib": f"{GPU:.0f}"}
    adaptor = tune.SearchAdaptor(Policy(space, study(tags=tags)))
    with cluster(None, space):
        tune.search(adaptor, space, str(tmp_path), tune.StopCondition(None))
    assert adaptor.error is None
    ran = {int(file.stem): json.loads(file.read_text()) for file in tmp_path.glob("*.json")}
    assert {size: e["share"] for size, e in ran.items()} == {8: 1 / 8, 16: 1 / 4, 32: 1 / 2, 64: 1}
    # All four ran at once: the three with a share on one GPU, the whole one on the other.
    assert ran[8]["gpu"] == ran[16]["gpu"] == ran[32]["gpu"] != ran[64]["gpu"]
    outcomes = {t.params["batch_size"]: t.outcome for t in adaptor.policy.record().trials}
    assert outcomes.pop(128) == Outcome.OUT_OF_MEMORY
    assert set(outcomes.values()) == {Outcome.COMPLETED}


@pytest.mark.slow
def test_nodes_without_the_memory_of_their_gpus_are_refused(
    packed: Callable[..., Space], two_gpus: None
) -> None:
    with pytest.raises(StudyError, match="auto needs the memory of the GPUs"):
        gpu_tags(packed(2, [8]))
