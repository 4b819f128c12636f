"""Prediction of peak training memory before a run, by rounds on fake tensors."""

from __future__ import annotations

import logging
import math
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gansearch.config import ComputeConfig, TrainConfig
from gansearch.data.images import ImageSet
from gansearch.hardware.memory import MIB
from gansearch.hardware.share import memory_of
from gansearch.record import DEVICE_MEMORY, PREDICTED_MEMORY
from gansearch.train.compute import Compute
from gansearch.train.rounds import Rounds
from gansearch.variants.base import Variant
from gansearch.variants.catalog import CATALOG

log = logging.getLogger(__name__)

ROUNDS = 2
"""Number of simulated rounds. Optimisers have their moments from the second round on; later rounds
need no more memory."""
EXCESS_FACTOR = 1.1
"""Ratio of a run's predicted memory to the device's above which the run is refused."""


@dataclass(frozen=True)
class Allocator:
    """Memory that a device's allocator holds for a number of live bytes.

    Attributes:
        block: bytes to which each allocation is rounded up.
        spread: ratio of held memory to memory in use, at the peak.
        base: MiB held by any computation.
    """

    block: int = 1
    spread: float = 1.0
    base: float = 0.0

    def holds(self, live: int) -> float:
        """Return the MiB held for tensors of ``live`` bytes."""
        return self.spread * live / MIB + self.base


ALLOCATORS = {"cpu": Allocator(spread=1.07, base=1.6), "cuda": Allocator(block=512)}
"""Models of the allocators. On the CPU it is glibc's, as
``hardware/memory.py`` sets it: freed memory returns at once, and the rest is partly filled
pages, compiled kernels and the graph's nodes. Both numbers are fitted to
benchmarks/results/memory_prediction.md."""


class LiveMemory(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of live tensors that were made in its context, fake ones included.

    torch's own ``MemTracker`` refuses a network that runs twice in a step, as a discriminator does.

    Args:
        block: bytes to which each storage is rounded up.

    Attributes:
        now: bytes alive.
        peak: largest number of bytes alive so far.
    """

    def __init__(self, block: int = 1) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = 0
        self.peak = 0
        self._block = block
        self._known: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operation and count its outputs."""
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self._count(leaf.untyped_storage())
        return out

    def _count(self, storage: torch.UntypedStorage) -> None:
        if storage in self._known:
            return
        size = math.ceil(storage.nbytes() / self._block) * self._block
        self._known.add(storage)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._free, size)

    def _free(self, size: int) -> None:
        self.now -= size


def predict_memory(config: TrainConfig, images: ImageSet, device: torch.device) -> float:
    """Predict ``peak_memory_mib`` of a training, in MiB, without using memory or a device.

    Two rounds with one step of each player, its penalties and the average run on tensors without
    content. Temporary memory inside operations is not counted. A compiled network is treated as an
    eager one, which needs more. Global random generators are not touched.

    Args:
        config: configuration of the run.
        images: training images; only a variant's ``prepare`` may read their content.
        device: device of the run; only its type matters, and it need not exist.
    """
    allocator = ALLOCATORS[device.type]
    live = LiveMemory(allocator.block)
    run_on_fake_tensors(config, images, live, Rounds)
    resident = 0 if device.type == "cpu" else _resident(config, images)
    return allocator.holds(live.peak + resident)


def _resident(config: TrainConfig, images: ImageSet) -> int:
    """Bytes of a data set on the device: pixels, labels, rows and the orders of three epochs.

    A stream keeps the orders of two epochs while it makes the next.
    """
    if config.compute.data == "streamed" or not (
        images.resident or config.compute.data == "resident"
    ):
        return 0
    indices = 4 + (images.labels is not None)
    return images.nbytes + len(images) * indices * torch.int64.itemsize


def run_on_fake_tensors(
    config: TrainConfig,
    images: ImageSet,
    live: LiveMemory,
    make_rounds: Callable[[Variant[Any], Compute], Rounds],
) -> None:
    """Run two rounds with one step of each player, on tensors that ``live`` counts."""
    variant, compute = _on_meta_device(config, images)
    rows = torch.zeros(config.settings.batch_size, dtype=torch.int64)
    with FakeTensorMode(allow_non_fake_inputs=True), live, compute.steps():
        # Fake tensors on the CPU stand for any device; those on a GPU need one for the backward
        # pass.
        variant.to_empty(device="cpu").train()
        rounds = make_rounds(variant, compute)
        phases = [(player, 1) for player in variant.players]
        for _ in range(ROUNDS):
            deque(rounds.run(phases, lambda: images.batch(rows)), maxlen=0)


def _on_meta_device(config: TrainConfig, images: ImageSet) -> tuple[Variant[Any], Compute]:
    """Return a prepared variant on the meta device, and an eager CPU computation for it."""
    with torch.device("meta"):
        variant = CATALOG[config.variant].load()(config.settings, images.spec)
    variant.prepare(images)
    own = config.compute
    compute = Compute(
        ComputeConfig(
            precision="bfloat16" if own.precision == "bfloat16" else "float32",
            memory_format=own.memory_format,
        ),
        torch.device("cpu"),
    )
    compute.apply(variant)
    return variant, compute


def try_predicting(config: TrainConfig, images: ImageSet, device: torch.device) -> float | None:
    """Return :func:`predict_memory`, or ``None`` with a warning if it fails."""
    try:
        return predict_memory(config, images, device)
    except Exception as error:  # for example an operation without shapes; training can still run
        log.warning("no memory predicted: %s: %s", type(error).__name__, error)
        return None


def predict_needs(config: TrainConfig, images: ImageSet, device: torch.device) -> dict[str, float]:
    """Return a run's predicted memory, if known, and the device's memory.

    Keys are :data:`~gansearch.record.PREDICTED_MEMORY` and :data:`~gansearch.record.DEVICE_MEMORY`,
    values are in MiB. A process that is limited to a share of a GPU has only that share.
    """
    predicted = try_predicting(config, images, device)
    needs = {} if predicted is None else {PREDICTED_MEMORY: predicted}
    return {**needs, DEVICE_MEMORY: memory_of(device)}


def refuse_too_large(needs: Mapping[str, float], device: str) -> None:
    """Refuse a run whose predicted memory clearly exceeds the device's.

    Raises:
        MemoryError: the run needs more than :data:`EXCESS_FACTOR` times the memory of ``device``.
    """
    predicted, available = needs.get(PREDICTED_MEMORY, 0.0), needs[DEVICE_MEMORY]
    if predicted > EXCESS_FACTOR * available:
        raise MemoryError(
            f"predicted to need {predicted:,.0f} MiB; {device} has {available:,.0f} MiB"
        )


def prediction_error(costs: Mapping[str, float]) -> dict[str, float]:
    """Return ``memory_prediction_error``: predicted over measured memory, minus 1.

    It is empty if one of the two is unknown.
    """
    predicted, measured = costs.get(PREDICTED_MEMORY), costs["peak_memory_mib"]
    return {"memory_prediction_error": predicted / measured - 1} if predicted and measured else {}
