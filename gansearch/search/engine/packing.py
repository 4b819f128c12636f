"""How many trials share a GPU: each is given the share that its predicted memory asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

import torch

from gansearch.config import DataConfig, TrainConfig
from gansearch.data import ImageSet, load_images
from gansearch.metrics.memory import MIB
from gansearch.metrics.share import CONTEXT_MIB
from gansearch.record import DEVICE_MEMORY, PREDICTED_MEMORY, StudyRecord
from gansearch.train.prediction import refuse_too_large, try_predicting

SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
"""Of a GPU that a trial can be given: each divides the next, so that no odd gaps are left."""
MARGIN = 1.1
"""What a prediction is multiplied by, until a trial of the study needs more of it; not measured on
a GPU."""
WEIGHTY = 0.02
"""Of a GPU's memory: what needs less tells nothing about how far a prediction can be off."""
EVALUATION_MIB = 1408.0
"""What an evaluation's networks and batches reserve of a GPU; not measured on a GPU."""
BESIDE_MIB = CONTEXT_MIB + EVALUATION_MIB
"""What a process takes of a GPU beside training."""
RESERVED = "reserved_memory_mib"
GPU_MEMORY = "gpu_memory_mib"
"""Tag of a study: what the GPUs that it began with have, separated by commas."""
WITHOUT_WEIGHT = {"g_lr", "d_lr_ratio", "beta1", "beta2"}
"""Settings that memory does not depend on."""


def gpu_memory() -> list[float]:
    """MiB of each GPU that this process sees."""
    every = map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
    return [properties.total_memory / MIB for properties in every]


def gpu_memory_tag(there: Iterable[float]) -> dict[str, str]:
    """The memory of GPUs, in MiB, as a tag of a study."""
    return {GPU_MEMORY: ",".join(f"{mib:.0f}" for mib in sorted(there))}


def foreseen_on_gpu(predicted: float, study: StudyRecord) -> dict[str, float]:
    """What a trial needs, in MiB, and what the largest of a study's GPUs has, by their names."""
    return {PREDICTED_MEMORY: predicted, DEVICE_MEMORY: _gpus(study)[-1]}


def of_whole_gpu(foreseen: Mapping[str, float], study: StudyRecord) -> dict[str, float]:
    """What was foreseen in a share that the study chose, against what the largest GPU has.

    A share that a person chose is all that any trial can have, and stays what counts.
    """
    return {**foreseen, **({DEVICE_MEMORY: _gpus(study)[-1]} if GPU_MEMORY in study.tags else {})}


def share_of_gpu(predicted: float, study: StudyRecord) -> float:
    """What a trial is given of a GPU, one of :data:`SHARES`, and held to.

    It is to hold what the trial's allocator reserves, which others cannot have. Since the trial can
    be placed on any GPU, this is a share of the smallest. It depends on the study's record alone.

    Args:
        predicted: MiB that the trial needs.
        study: the record so far, which tells what GPUs there are, and how far predictions were off.

    Raises:
        MemoryError: even the largest GPU clearly has too little.
    """
    refuse_too_large(foreseen_on_gpu(predicted, study), "the largest GPU")
    smallest = _gpus(study)[0]
    needed = (_margin(study, WEIGHTY * smallest) * predicted + BESIDE_MIB) / smallest
    return next((share for share in SHARES if share >= needed), SHARES[-1])


def _gpus(study: StudyRecord) -> list[float]:
    return [float(mib) for mib in study.tags[GPU_MEMORY].split(",")]


def _margin(study: StudyRecord, weighty: float) -> float:
    """The most that was reserved for what was predicted, among trials of at least so many MiB.

    Without what an evaluation takes, which is counted apart.
    """
    told = (report.metrics for trial in study.trials for report in trial.reports)
    reserved = (
        (metrics[RESERVED] - EVALUATION_MIB, metrics[PREDICTED_MEMORY])
        for metrics in told
        if {PREDICTED_MEMORY, RESERVED} <= metrics.keys()
    )
    needed = (training / predicted for training, predicted in reserved if training >= weighty)
    return max([MARGIN, *needed])


class Foresight:
    """Predicts the memory of trials on a GPU in a thread of its own, for equal networks once.

    A prediction takes a second or two; whoever asks for it need not wait.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "foresight")
        self._known: dict[str, Future[float | None]] = {}

    def predict(self, config: TrainConfig) -> Future[float | None]:
        """MiB that a run needs, once it is known; ``None`` where it cannot be predicted."""
        settings = config.settings.model_dump(mode="json", exclude=WITHOUT_WEIGHT)
        key = json.dumps([config.variant, settings])
        if key not in self._known:
            self._known[key] = self._thread.submit(_predict, config)
        return self._known[key]

    def close(self) -> None:
        """Predict nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _predict(config: TrainConfig) -> float | None:
    return try_predicting(config, _images(config.data), torch.device("cuda"))


@cache
def _images(data: DataConfig) -> ImageSet:
    return load_images(data).train
