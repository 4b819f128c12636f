"""Peak memory of training, predicted before it starts: the trainer's rounds on fake tensors."""

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
from gansearch.metrics.memory import MIB
from gansearch.metrics.share import memory_of
from gansearch.record import DEVICE_MEMORY, PREDICTED_MEMORY
from gansearch.train.compute import Compute
from gansearch.train.rounds import Rounds
from gansearch.variants.base import Variant
from gansearch.variants.catalog import CATALOG

log = logging.getLogger(__name__)

ROUNDS = 2
"""The optimisers' moments are there from the second one on; later ones need no more."""
CLEAR = 1.1
"""A run is refused where its prediction is above so many times the memory that there is."""


@dataclass(frozen=True)
class Allocator:
    """What a device's allocator makes of a number of bytes.

    Attributes:
        block: bytes that each allocation is rounded up to.
        spread: memory held over memory in use, at the peak.
        base: MiB that are held whatever is computed.
    """

    block: int = 1
    spread: float = 1.0
    base: float = 0.0

    def holds(self, live: int) -> float:
        """MiB for tensors of ``live`` bytes."""
        return self.spread * live / MIB + self.base


ALLOCATORS = {"cpu": Allocator(spread=1.07, base=1.6), "cuda": Allocator(block=512)}
"""The CPU's is glibc's as :class:`~gansearch.metrics.memory.PeakMemory` sets it: what is freed goes
back at once, so that little is held but pages that are not full, compiled kernels and the graph's
nodes. Both numbers are fitted to benchmarks/results/memory_prediction.md."""


class LiveMemory(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of the tensors that are made within and still alive, fake ones too.

    torch's own ``MemTracker`` refuses a network that is run twice in a step, as a discriminator is.

    Args:
        block: bytes that each storage is rounded up to.

    Attributes:
        now: bytes alive.
        peak: the most so far.
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
        """Run an operation and count what it puts out."""
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
    """What ``peak_memory_mib`` of a training will be, in MiB, without memory or a device.

    Two rounds are played with one step of each player, its penalties and the average, on tensors
    that have shapes and no content. What operations allocate within themselves is not seen, and a
    compiled network is taken for an eager one, which needs more. The global generators are not
    touched.

    Args:
        config: of the run.
        images: that it is trained on; their content is not looked at, but by variants that do so
            before they train.
        device: that it is to run on; only its kind matters, it need not be there.
    """
    allocator = ALLOCATORS[device.type]
    live = LiveMemory(allocator.block)
    play_on_fakes(config, images, live, Rounds)
    resident = 0 if device.type == "cpu" else _resident(config, images)
    return allocator.holds(live.peak + resident)


def _resident(config: TrainConfig, images: ImageSet) -> int:
    """Bytes of a set that lies on the device: pixels, labels, rows and the orders of three epochs.

    A stream keeps the orders of two while it makes the next.
    """
    if config.compute.data == "streamed" or not (
        images.resident or config.compute.data == "resident"
    ):
        return 0
    indices = 4 + (images.labels is not None)
    return images.nbytes + len(images) * indices * torch.int64.itemsize


def play_on_fakes(
    config: TrainConfig,
    images: ImageSet,
    live: LiveMemory,
    make_rounds: Callable[[Variant[Any], Compute], Rounds],
) -> None:
    """Two rounds with one step of each player, on tensors that ``live`` counts."""
    variant, compute = _shapes(config, images)
    rows = torch.zeros(config.settings.batch_size, dtype=torch.int64)
    with FakeTensorMode(allow_non_fake_inputs=True), live, compute.steps():
        # Fake tensors on the CPU stand for any device: those on a GPU ask for one to go backward.
        variant.to_empty(device="cpu").train()
        rounds = make_rounds(variant, compute)
        phases = [(player, 1) for player in variant.players]
        for _ in range(ROUNDS):
            deque(rounds.play(phases, lambda: images.batch(rows)), maxlen=0)


def _shapes(config: TrainConfig, images: ImageSet) -> tuple[Variant[Any], Compute]:
    """A variant on the meta device, prepared, and how its steps are computed, on a CPU, eagerly."""
    with torch.device("meta"):
        variant = CATALOG[config.variant].load()(config.settings, images.spec)
    variant.prepare(images)
    wanted = config.compute
    compute = Compute(
        ComputeConfig(
            precision="bfloat16" if wanted.precision == "bfloat16" else "float32",
            memory_format=wanted.memory_format,
        ),
        torch.device("cpu"),
    )
    compute.apply(variant)
    return variant, compute


def try_predicting(config: TrainConfig, images: ImageSet, device: torch.device) -> float | None:
    """:func:`predict_memory`, or ``None``, and a warning, where it does not succeed."""
    try:
        return predict_memory(config, images, device)
    except Exception as error:  # an operation without shapes, say: no reason not to train
        log.warning("no memory predicted: %s: %s", type(error).__name__, error)
        return None


def foresee(config: TrainConfig, images: ImageSet, device: torch.device) -> dict[str, float]:
    """What a run that is about to start needs, if that is known, and what it may have.

    By the names of :data:`~gansearch.record.PREDICTED_MEMORY` and
    :data:`~gansearch.record.DEVICE_MEMORY`, in MiB. A process that is held to a share of a GPU has
    no more of it than that.
    """
    predicted = try_predicting(config, images, device)
    known = {} if predicted is None else {PREDICTED_MEMORY: predicted}
    return {**known, DEVICE_MEMORY: memory_of(device)}


def refuse_too_large(foreseen: Mapping[str, float], device: str) -> None:
    """See that what was foreseen of a run does not clearly forbid it.

    Raises:
        MemoryError: it needs more than :data:`CLEAR` times what ``device`` has.
    """
    predicted, there = foreseen.get(PREDICTED_MEMORY, 0.0), foreseen[DEVICE_MEMORY]
    if predicted > CLEAR * there:
        raise MemoryError(f"predicted to need {predicted:,.0f} MiB; {device} has {there:,.0f} MiB")


def prediction_error(costs: Mapping[str, float]) -> dict[str, float]:
    """``memory_prediction_error``: how far a prediction was above what was measured, as a share."""
    predicted, measured = costs.get(PREDICTED_MEMORY), costs["peak_memory_mib"]
    return {"memory_prediction_error": predicted / measured - 1} if predicted and measured else {}
