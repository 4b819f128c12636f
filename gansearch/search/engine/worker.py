"""What runs in a worker's process: one trial, from wherever it was interrupted."""

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
from gansearch.metrics.share import keep_to_share
from gansearch.record import Outcome, Report
from gansearch.scratch import scratch_folder
from gansearch.search.checkpoints import TrialFolder
from gansearch.search.engine.cores import own_cores
from gansearch.space import AUTO
from gansearch.train.run import CONFIG_FILE, REPORT, run_training

if TYPE_CHECKING:  # every trial is a new process: what it need not import, it does not wait for
    from gansearch.search.policy import Ask
    from gansearch.space import Space


log = logging.getLogger(__name__)


class Job(TypedDict):
    """What a worker needs to know of a trial, as plain values.

    Attributes:
        number: of the trial.
        config: its training configuration as JSON.
        rungs: kimg at which it reports.
        cpus: CPU cores that it was given.
        gpus: GPUs that it was given; a whole one where a share is yet to be found.
        can_grow: whether it may be given a larger share of a GPU where this one is too small.
        folder: address of its checkpoints.
        keeps_all: whether other trials may begin with any of them, and not only its last is kept.
        begin: the report, as JSON, of another trial's checkpoint that it begins with, if it does.
    """

    number: int
    config: str
    rungs: tuple[float, ...]
    cpus: float
    gpus: float
    can_grow: bool
    folder: str
    keeps_all: bool
    begin: str | None


Tell = Callable[[dict[str, str]], None]
"""Takes what a worker says to the driver; does not return if the driver stops the trial."""


def job_of(ask: Ask, space: Space, storage: str) -> Job:
    """The job of a trial.

    Args:
        ask: the trial.
        space: that it was sampled from.
        storage: absolute path or URI of the study's folder.

    Raises:
        ConfigError: the space's fixed settings do not fit the trial's parameters.
    """
    return {
        "number": ask.number,
        "config": _located(space.train_config(ask.params, ask.seed, ask.lineage)).to_json(),
        "rungs": space.budget.rungs,
        "cpus": space.resources.cpus,
        "gpus": 1.0 if space.resources.gpus == AUTO else space.resources.gpus,
        "can_grow": False,
        "folder": f"{storage}/{trial_name(ask.number)}",
        "keeps_all": space.search.population is not None,
        "begin": None if ask.begin is None else REPORT.dump_json(ask.begin).decode(),
    }


def trial_name(number: int) -> str:
    """``trial_00012``: a trial's folder, the same in every run of its study."""
    return f"trial_{number:05d}"


def train_trial(job: Job, tell: Tell) -> None:
    """Train one trial; tell each of its reports, and at last how it ended.

    A trial that was interrupted goes on from the last whole checkpoint in its folder, whether Ray
    starts it again or a resumed study does. That checkpoint's report is told once more, because
    the record may have missed it; the policy answers a known report as it did before. One that goes
    on with the training of others begins with the last one's checkpoint. Where a checkpoint is
    damaged the one before is taken, and at last none: what is trained again comes to the same.

    Args:
        job: of the trial.
        tell: given ``{"foreseen": JSON}`` before it trains, ``{"report": JSON}`` at each rung, at
            the end ``{"outcome", "reason", "host"}``.

    Raises:
        OSError: storage could not be reached; another attempt may succeed.
    """
    torch.set_num_threads(max(1, int(job["cpus"])))
    folder = TrialFolder(job["folder"])
    if folder.is_shared():
        with scratch_folder() as scratch, _own_cores(job) as cores:
            outcome, reason = _train(job, folder, scratch, cores, tell)
    else:
        outcome = Outcome.FAILED
        reason = f"{platform.node()} cannot see {job['folder']}: results must be on shared storage"
    tell({"outcome": outcome.value, "reason": reason, "host": platform.node()})


@contextmanager
def _own_cores(job: Job) -> Iterator[str]:
    """The cores that a trial has to itself, such as ``0,1``, or ``shared``.

    On a GPU it has none: the threads beside the one that trains, such as the backward pass's, are
    then not what the trial's CPUs were counted for.
    """
    with own_cores(0 if job["gpus"] else job["cpus"]) as cores:
        yield ",".join(map(str, sorted(cores))) or "shared"


def _train(
    job: Job, folder: TrialFolder, scratch: Path, cores: str, tell: Tell
) -> tuple[Outcome, str]:
    def tell_report(report: Report) -> None:
        tell({"report": REPORT.dump_json(report).decode()})

    def on_foreseen(foreseen: Mapping[str, float]) -> None:
        tell({"foreseen": json.dumps(dict(foreseen))})

    def on_report(report: Report, checkpoint: Path) -> bool:
        report = replace(report, tags={**report.tags, "cores": cores})
        kept = folder.publish(checkpoint, report)
        tell_report(kept)
        if not job["keeps_all"]:
            folder.prune(kept)
        return True

    config = TrainConfig.from_json(job["config"])
    device = torch.device("cuda" if job["gpus"] and torch.cuda.is_available() else "cpu")
    keep_to_share(device, job["gpus"])
    rungs = tuple(job["rungs"])
    own = folder.reports()
    begin = [] if job["begin"] is None else [REPORT.validate_json(job["begin"])]
    for report in (*own, *begin):
        try:
            start = _continued(TrialFolder.of(report), report, config, scratch)
            if start is None:
                continue
            if report in own:
                tell_report(report)
            return run_training(config, rungs, scratch, on_report, start, device, on_foreseen)
        except CheckpointError as error:
            # What led to it is known whole, so that it can be trained again to the same weights.
            log.warning("going back before %s: %s", report.checkpoint, error)
    return run_training(config, rungs, scratch, on_report, None, device, on_foreseen)


def _continued(
    folder: TrialFolder, report: Report, config: TrainConfig, scratch: Path
) -> Path | None:
    """The folder of a checkpoint, if ``config`` may go on from there.

    It may not where the record lost the trial's beginning, as a queue cut off by a kill can, and
    its number was then given to another configuration.

    Raises:
        CheckpointError: it is damaged or gone.
    """
    try:
        checkpoint = folder.fetch(report, scratch / "start" / f"kimg_{report.kimg:g}")
        saved = TrainConfig.from_json((checkpoint / CONFIG_FILE).read_text())
    except (FileNotFoundError, UnicodeDecodeError, ConfigError) as error:
        raise CheckpointError(f"{CONFIG_FILE} is missing or damaged: {error}") from error
    mine, its = (
        (each.variant, each.settings, each.seed, each.up_to(report.kimg).schedule)
        for each in (config, saved)
    )
    return checkpoint if mine == its else None


def _located(config: TrainConfig) -> TrainConfig:
    """``config`` with absolute paths: a worker has a working directory of its own."""
    data, evaluation = config.data, config.evaluation
    if data.path is not None:
        data = data.model_copy(update={"path": data.path.absolute()})
    if evaluation.inception_weights is not None:
        weights = evaluation.inception_weights.absolute()
        evaluation = evaluation.model_copy(update={"inception_weights": weights})
    return config.model_copy(update={"data": data, "evaluation": evaluation})
