"""Shares of a GPU: each trial gets the share for its predicted memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

import torch

from gansearch.config import DataConfig, TrainConfig
from gansearch.data import ImageSet, load_images
from gansearch.hardware.memory import MIB
from gansearch.hardware.share import CONTEXT_MIB
from gansearch.record import DEVICE_MEMORY, PREDICTED_MEMORY, StudyRecord
from gansearch.train.prediction import refuse_too_large, try_predicting

SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
"""Possible shares of a GPU; each divides the next, which avoids unusable gaps."""
MARGIN = 1.1
"""Factor of a predicted memory until a trial of the study needs more; not measured on a GPU."""
INFORMATIVE_SHARE = 0.02
"""Share of a GPU's memory below which a trial is ignored in the prediction errors."""
EVALUATION_MIB = 1408.0
"""Memory that an evaluation's networks and batches reserve on a GPU; not measured on a GPU."""
PROCESS_MIB = CONTEXT_MIB + EVALUATION_MIB
"""Memory of a process on a GPU in addition to training."""
RESERVED = "reserved_memory_mib"
"""Metric of a report: memory that the trial's allocator reserved, in MiB."""
GPU_MEMORY = "gpu_memory_mib"
"""Tag of a study: memory of its GPUs at the start in MiB, separated by commas."""
MEMORY_NEUTRAL = {"g_lr", "d_lr_ratio", "beta1", "beta2"}
"""Settings that do not affect memory."""


def gpu_memory() -> list[float]:
    """Return the memory of each GPU visible to this process, in MiB."""
    every = map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
    return [properties.total_memory / MIB for properties in every]


def gpu_memory_tag(memory: Iterable[float]) -> dict[str, str]:
    """Return the memory of GPUs, in MiB, as a tag of a study."""
    return {GPU_MEMORY: ",".join(f"{mib:.0f}" for mib in sorted(memory))}


def memory_on_gpu(predicted: float, study: StudyRecord) -> dict[str, float]:
    """Return a trial's predicted memory and that of the largest GPU, in MiB, by name."""
    return {PREDICTED_MEMORY: predicted, DEVICE_MEMORY: _gpus(study)[-1]}


def memory_on_largest_gpu(
    predicted_memory: Mapping[str, float], study: StudyRecord
) -> dict[str, float]:
    """Replace a share's memory by that of the largest GPU, if the study chose the share.

    A share that the user chose is the limit of every trial and stays the reference.
    """
    largest = {DEVICE_MEMORY: _gpus(study)[-1]} if GPU_MEMORY in study.tags else {}
    return {**predicted_memory, **largest}


def share_of_gpu(predicted: float, study: StudyRecord) -> float:
    """Return the share of a GPU, one of :data:`SHARES`, that limits a trial.

    The share must contain the memory that the trial's allocator reserves, which other trials cannot
    use. A trial can be placed on any GPU, so it is a share of the smallest one. It depends on the
    study's record alone.

    Args:
        predicted: predicted memory of the trial, in MiB.
        study: the record so far, with the GPUs' memory and the prediction errors.

    Raises:
        MemoryError: even the largest GPU is clearly too small.
    """
    refuse_too_large(memory_on_gpu(predicted, study), "the largest GPU")
    smallest = _gpus(study)[0]
    needed = (_margin(study, INFORMATIVE_SHARE * smallest) * predicted + PROCESS_MIB) / smallest
    return next((share for share in SHARES if share >= needed), SHARES[-1])


def _gpus(study: StudyRecord) -> list[float]:
    return [float(mib) for mib in study.tags[GPU_MEMORY].split(",")]


def _margin(study: StudyRecord, least: float) -> float:
    """Return the largest ratio of reserved to predicted memory, at least :data:`MARGIN`.

    Trials below ``least`` MiB are ignored. The evaluation's memory is excluded, since it is
    counted separately.
    """
    reported = (report.metrics for trial in study.trials for report in trial.reports)
    reserved = (
        (metrics[RESERVED] - EVALUATION_MIB, metrics[PREDICTED_MEMORY])
        for metrics in reported
        if {PREDICTED_MEMORY, RESERVED} <= metrics.keys()
    )
    needed = (training / predicted for training, predicted in reserved if training >= least)
    return max([MARGIN, *needed])


class MemoryPredictor:
    """Predicts the memory of trials on a GPU in a thread, once for equal networks.

    A prediction takes one or two seconds, and callers need not wait.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "memory-predictor")
        self._known: dict[str, Future[float | None]] = {}

    def predict(self, config: TrainConfig) -> Future[float | None]:
        """Predict a run's memory in MiB; the result is ``None`` if it cannot be predicted."""
        settings = config.settings.model_dump(mode="json", exclude=MEMORY_NEUTRAL)
        key = json.dumps([config.variant, settings])
        if key not in self._known:
            self._known[key] = self._thread.submit(_predict, config)
        return self._known[key]

    def close(self) -> None:
        """Stop predicting."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _predict(config: TrainConfig) -> float | None:
    return try_predicting(config, _images(config.data), torch.device("cuda"))


@cache
def _images(data: DataConfig) -> ImageSet:
    return load_images(data).train
