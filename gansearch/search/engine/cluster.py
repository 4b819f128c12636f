"""Connection to the Ray cluster of a study, and its resources and GPUs."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import chain
from typing import Any

import ray
from ray._common.utils import get_default_system_temp_dir
from ray.exceptions import GetTimeoutError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from gansearch.errors import StudyError
from gansearch.hardware.cores import usable_cores
from gansearch.search.engine.daemons import (
    isolated_processes,
    keep_token_private,
    unchanged_signal_handlers,
)
from gansearch.search.engine.packing import SHARES, gpu_memory, gpu_memory_tag
from gansearch.settings import AUTO
from gansearch.space import Space

SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",  # observers produce the output
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # CSV, JSON and TensorBoard files of every result
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # the study has its own
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),  # Tune's snapshot of all trials, which is unused
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # the record has the reason
}
"""Environment variables that limit Tune to the placement of trials."""

LOCAL_RAY: dict[str, Any] = {
    "include_dashboard": False,
    "object_store_memory": 100 * 2**20,  # results are a few numbers; weights go through files
}
"""Options of a local Ray, which requires its token from every caller by default."""

ANSWER_SECONDS = 120.0
"""Timeout of a node's answer about its GPUs, in seconds; a busy node may not answer."""


@contextmanager
def cluster(address: str | None, space: Space) -> Iterator[None]:
    """Connect to Ray: the caller's connection, the cluster at ``address``, or a local Ray.

    Raises:
        StudyError: Ray is unreachable, does not start, or lacks the resources of one trial of
            ``space``.
    """
    os.environ.update(SETTINGS)  # a local Ray's workers inherit them
    address = address or os.environ.get("RAY_ADDRESS")
    started_here = not ray.is_initialized()
    if started_here:
        _connect(address)
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


def _connect(address: str | None) -> None:
    """Join the cluster at ``address``, or start Ray on this machine.

    Raises:
        StudyError: this fails; the message has advice.
    """
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if not address:
        keep_token_private()
    try:
        with unchanged_signal_handlers(), nullcontext() if address else isolated_processes():
            ray.init(
                address or "local",
                **quiet,
                **({} if address else {**LOCAL_RAY, "num_cpus": usable_cores()}),
            )
    except Exception as error:  # Ray raises exceptions of any type
        ray.shutdown()
        said = next((line for line in str(error).splitlines() if line.strip()), repr(error))
        raise StudyError(_advice(address, said)) from error


def _advice(address: str | None, said: str) -> str:
    """Return an error message with advice, from Ray's message ``said``."""
    if address:
        return (
            f"no Ray cluster answers at {address!r}: {said}; check the address (RAY_ADDRESS), or "
            "leave it out to train on this machine"
        )
    folder = get_default_system_temp_dir()
    if "AF_UNIX" in said:
        return (
            f"Ray's sockets have too long a path in {folder}: set RAY_TMPDIR to a shorter folder, "
            "such as /tmp"
        )
    return (
        f"Ray did not start on this machine: {said}; run the command again, and if that does not "
        f"help look for other Ray processes, at the free memory, and at the free space and Ray's "
        f"logs in {folder}/ray/session_latest/logs"
    )


def capacity(space: Space) -> int:
    """Return the number of trials that the cluster's current resources can run concurrently."""
    resources = ray.cluster_resources()
    gpus = SHARES[0] if space.resources.gpus == AUTO else space.resources.gpus
    needed = {"CPU": space.resources.cpus, "GPU": gpus}
    return int(min(resources.get(kind, 0) / amount for kind, amount in needed.items() if amount))


def gpu_tags(space: Space) -> dict[str, str]:
    """Return a study tag with the memory of the cluster's GPUs, if trials share GPUs.

    One GPU of each node is queried and represents the node's others.

    Raises:
        StudyError: a node does not answer, or has no GPU.
    """
    if space.resources.gpus != AUTO:
        return {}
    nodes = [node["NodeID"] for node in ray.nodes() if node["Resources"].get("GPU")]
    query = ray.remote(num_cpus=0, num_gpus=SHARES[0] / 100)(gpu_memory)
    places = (NodeAffinitySchedulingStrategy(node, soft=False) for node in nodes)
    answers = [query.options(scheduling_strategy=place).remote() for place in places]
    try:
        found = ray.get(answers, timeout=ANSWER_SECONDS)
    except GetTimeoutError:
        found = [[]]
    if not all(found):
        raise StudyError(
            "resources.gpus: auto needs the memory of the GPUs, which a node of the cluster does "
            "not report: give a number of GPUs instead"
        )
    return gpu_memory_tag(chain.from_iterable(found))
