"""The Ray cluster that a study's trials run on: joined, asked for its resources and its GPUs."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import ray
from ray.exceptions import GetTimeoutError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from gansearch.errors import StudyError
from gansearch.search.engine.cores import usable_cores
from gansearch.search.engine.packing import SHARES, gpu_memory, gpu_memory_tag
from gansearch.space import AUTO, Space

SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",  # what people see is an observer's business
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # CSV, JSON and TensorBoard files of every result
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # the study has its own
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),  # Tune's snapshot of all trials, which nobody reads
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # the record has the reason
}
"""Environment in which Tune keeps to placing trials."""

LOCAL_RAY: dict[str, Any] = {
    "include_dashboard": False,
    "object_store_memory": 100 * 2**20,  # results are a few numbers, weights go through files
}
"""How Ray is started where there is no cluster; it asks every caller for its token by itself."""

ANSWER_SECONDS = 120.0
"""After which a node that was asked for its GPUs is not waited for: it may be busy to the last."""


@contextmanager
def cluster(address: str | None, space: Space) -> Iterator[None]:
    """Ray, connected: as the caller did, the cluster at ``address``, or one of this machine.

    Raises:
        StudyError: it lacks what a trial of ``space`` needs.
    """
    os.environ.update(SETTINGS)  # a local Ray's workers inherit them
    address = address or os.environ.get("RAY_ADDRESS")
    started_here = not ray.is_initialized()
    if started_here:
        ray.init(
            address or "local",
            logging_level=logging.ERROR,
            log_to_driver=False,
            **({} if address else {**LOCAL_RAY, "num_cpus": usable_cores()}),
        )
    try:
        if capacity(space) < 1:
            have = ray.cluster_resources()
            raise StudyError(
                f"a trial needs {space.resources.summary} (resources), Ray has "
                f"{have.get('CPU', 0):g} and {have.get('GPU', 0):g}"
            )
        yield
    finally:
        if started_here:
            ray.shutdown()


def capacity(space: Space) -> int:
    """Trials that the cluster can run side by side, as it stands."""
    resources = ray.cluster_resources()
    gpus = SHARES[0] if space.resources.gpus == AUTO else space.resources.gpus
    asked = {"CPU": space.resources.cpus, "GPU": gpus}
    return int(min(resources.get(kind, 0) / amount for kind, amount in asked.items() if amount))


def gpu_tags(space: Space) -> dict[str, str]:
    """What the GPUs of the connected cluster have, as a tag of a study whose trials share them.

    One GPU of each node is asked, and taken for the node's others.

    Raises:
        StudyError: a node does not answer, or sees no GPU.
    """
    if space.resources.gpus != AUTO:
        return {}
    nodes = [node["NodeID"] for node in ray.nodes() if node["Resources"].get("GPU")]
    ask = ray.remote(num_cpus=0, num_gpus=SHARES[0] / 100)(gpu_memory)
    places = (NodeAffinitySchedulingStrategy(node, soft=False) for node in nodes)
    asked = [ask.options(scheduling_strategy=place).remote() for place in places]
    try:
        found = ray.get(asked, timeout=ANSWER_SECONDS)
    except GetTimeoutError:
        found = [[]]
    if not all(found):
        raise StudyError(
            "resources.gpus: auto needs the memory of the GPUs, and a node of the cluster does not "
            "tell it: give a number of GPUs instead"
        )
    return gpu_memory_tag(chain.from_iterable(found))
