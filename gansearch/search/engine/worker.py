"""The worker process: trains one trial, from the point of interruption if there is one."""

from __future__ import annotations

import json
import logging
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import torch

from gansearch.config import TrainConfig
from gansearch.errors import CheckpointError, ConfigError
from gansearch.hardware.scratch import scratch_folder
from gansearch.hardware.share import limit_to_share
from gansearch.paths import CONFIG_FILE, checkpoint_folder
from gansearch.record import Outcome, Report, images_of
from gansearch.search.engine.cores import exclusive_cores
from gansearch.search.storage.checkpoints import TrialFolder
from gansearch.settings import AUTO
from gansearch.train.run import REPORT, run_training

if TYPE_CHECKING:  # every trial is a new process: unneeded imports delay it
    from gansearch.search.policy import Ask
    from gansearch.space import Space


log = logging.getLogger(__name__)


class Job(TypedDict):
    """A worker's description of a trial, which Ray ships to its process.

    Attributes:
        number: number of the trial.
        config: its training configuration.
        rungs: kimg of its reports.
        cpus: its CPU cores.
        gpus: its GPUs; a whole one if the share is unknown.
        can_grow: whether it may get a larger share of a GPU if this one is too small.
        folder: address of its checkpoints.
        keeps_all: whether all its checkpoints are kept, not only the last, so that other trials can
            start from them.
        begin: report of another trial's checkpoint that it starts from, or ``None``.
    """

    number: int
    config: TrainConfig
    rungs: tuple[float, ...]
    cpus: float
    gpus: float
    can_grow: bool
    folder: str
    keeps_all: bool
    begin: Report | None


Send = Callable[[dict[str, str]], None]
"""Sends a worker's message to the driver; does not return if the driver stops the trial."""


def job_of(ask: Ask, space: Space, storage: str) -> Job:
    """Make the job of a trial.

    Args:
        ask: the trial.
        space: the space that it was sampled from.
        storage: absolute path or URI of the study's folder.

    Raises:
        ConfigError: the space's fixed settings do not fit the trial's parameters.
    """
    config = space.train_config(ask.params, ask.seed, ask.lineage)
    return {
        "number": ask.number,
        "config": _with_absolute_paths(config),
        "rungs": space.budget.rungs,
        "cpus": space.resources.cpus,
        "gpus": 1.0 if space.resources.gpus == AUTO else space.resources.gpus,
        "can_grow": False,
        "folder": f"{storage}/{trial_name(ask.number)}",
        "keeps_all": space.search.population is not None,
        "begin": ask.begin,
    }


def trial_name(number: int) -> str:
    """Return a trial's folder name such as ``trial_00012``, the same in every run of its study."""
    return f"trial_{number:05d}"


def train_trial(job: Job, send: Send) -> None:
    """Train one trial; send each of its reports and finally its end.

    An interrupted trial continues from the last complete checkpoint in its folder, whether Ray or a
    resumed study restarts it. The report of that checkpoint is sent again, because the record may
    lack it; the policy gives a known report its earlier answer. A trial that continues others
    starts from the checkpoint of its parent. If a checkpoint is damaged, the one before it is used,
    and finally none. Repeated training gives the same weights.

    Args:
        job: the trial.
        send: receives ``{"predicted_memory": JSON}`` before training, ``{"report": JSON}`` at each
            rung, and ``{"outcome", "reason", "host"}`` at the end. Tune takes nested values apart.

    Raises:
        OSError: storage is unreachable; a retry may succeed.
    """
    torch.set_num_threads(max(1, int(job["cpus"])))
    folder = TrialFolder(job["folder"])
    if folder.is_shared():
        with scratch_folder() as scratch, _exclusive_cores(job) as cores:
            outcome, reason = _train(job, folder, scratch, cores, send)
    else:
        outcome = Outcome.FAILED
        reason = f"{platform.node()} cannot see {job['folder']}: results must be on shared storage"
    send({"outcome": outcome.value, "reason": reason, "host": platform.node()})


@contextmanager
def _exclusive_cores(job: Job) -> Iterator[str]:
    """Provide the exclusive cores of a trial, such as ``0,1``, or ``shared``.

    A trial on a GPU has no exclusive cores: the trial's CPU count does not cover threads beside the
    training thread, such as the backward pass's.
    """
    with exclusive_cores(0 if job["gpus"] else job["cpus"]) as cores:
        yield ",".join(map(str, sorted(cores))) or "shared"


def _train(
    job: Job, folder: TrialFolder, scratch: Path, cores: str, send: Send
) -> tuple[Outcome, str]:
    def send_report(report: Report) -> None:
        send({"report": REPORT.dump_json(report).decode()})

    def on_prediction(predicted_memory: Mapping[str, float]) -> None:
        send({"predicted_memory": json.dumps(dict(predicted_memory))})

    def on_report(report: Report, checkpoint: Path) -> bool:
        report = replace(report, tags={**report.tags, "cores": cores})
        kept = folder.publish(checkpoint, report)
        send_report(kept)
        if not job["keeps_all"]:
            folder.prune(kept)
        return True

    config = job["config"]
    device = torch.device("cuda" if job["gpus"] and torch.cuda.is_available() else "cpu")
    limit_to_share(device, job["gpus"])
    rungs = tuple(job["rungs"])
    own = folder.reports()
    begin = [] if job["begin"] is None else [job["begin"]]
    for report in (*own, *begin):
        try:
            start = _checkpoint_to_continue(TrialFolder.of(report), report, config, scratch)
            if start is None:
                continue
            if report in own:
                send_report(report)
            return run_training(config, rungs, scratch, on_report, start, device, on_prediction)
        except CheckpointError as error:
            # Repeated training from an earlier point gives the same weights.
            log.warning("going back before %s: %s", report.checkpoint, error)
    return run_training(config, rungs, scratch, on_report, None, device, on_prediction)


def _checkpoint_to_continue(
    folder: TrialFolder, report: Report, config: TrainConfig, scratch: Path
) -> Path | None:
    """Return the folder of a checkpoint if ``config`` may continue from it, else ``None``.

    It may not if the record lost the trial's start, for example with the queue of a killed process,
    and its number was reused for another configuration.

    Raises:
        CheckpointError: the checkpoint is damaged or missing.
    """
    try:
        checkpoint = folder.fetch(report, scratch / "start" / checkpoint_folder(report.kimg))
        saved = TrainConfig.from_json((checkpoint / CONFIG_FILE).read_text())
    except (FileNotFoundError, UnicodeDecodeError, ConfigError) as error:
        raise CheckpointError(f"{CONFIG_FILE} is missing or damaged: {error}") from error
    mine, its = (
        (each.variant, each.settings, each.seed, each.up_to(images_of(report.kimg)).schedule)
        for each in (config, saved)
    )
    return checkpoint if mine == its else None


def _with_absolute_paths(config: TrainConfig) -> TrainConfig:
    """Return ``config`` with absolute paths, since a worker has its own working directory."""
    data, evaluation = config.data, config.evaluation
    if data.path is not None:
        data = data.model_copy(update={"path": data.path.absolute()})
    if evaluation.inception_weights is not None:
        weights = evaluation.inception_weights.absolute()
        evaluation = evaluation.model_copy(update={"inception_weights": weights})
    return config.model_copy(update={"data": data, "evaluation": evaluation})
