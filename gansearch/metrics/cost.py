"""What training costs: parameters, multiply-accumulates, seconds and memory."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from torch.utils.flop_counter import FlopCounterMode

from gansearch.data.batch import Batch
from gansearch.variants.base import Variant

MIB = 2**20


def parameters(variant: Variant[Any]) -> dict[str, float]:
    """Trained parameters in millions: ``params_m`` of all players, ``g_params_m``, ... of each.

    Parameters that no player owns, such as a frozen projector's, are not counted.
    """
    counts = {
        f"{name}_params_m": sum(p.numel() for p in set(player.parameters())) / 1e6
        for name, player in variant.players.items()
    }
    return {"params_m": sum(counts.values()), **counts}


def gmacs(variant: Variant[Any]) -> float:
    """Multiply-accumulates to generate one image, in units of 10⁹.

    Convolutions, transposed convolutions and matrix products are counted, by their dense
    definition: padding counts as data, while biases, norms and activations are left out.

    Args:
        variant: on any device, in any mode; it is left as it was.
    """
    spec, device = variant.spec, next(variant.parameters()).device
    images = torch.zeros(1, spec.channels, spec.resolution, spec.resolution, device=device)
    labels = torch.zeros(1, dtype=torch.int64, device=device) if spec.classes else None
    was_training = variant.training
    variant.eval()
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            variant.sample(Batch(images, labels), torch.Generator().manual_seed(0))
    finally:
        variant.train(was_training)
    operations: int = counter.get_total_flops()  # two for each multiply-accumulate
    return operations / 2e9


class TrainingTimer:
    """Seconds spent in training, and nothing else: what is not in a window is not counted.

    The device is waited for at a window's edges only, so that steps inside it stay asynchronous.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._seconds = 0.0
        self._rates: list[float] = []  # seconds per kimg, one a window

    @contextmanager
    def window(self, images: int) -> Iterator[None]:
        """Time a stretch of training that shows ``images`` real images, at least 1.

        A stretch that raises adds to the seconds and not to the rate.
        """
        started = self._now()
        completed = False
        try:
            yield
            completed = True
        finally:
            elapsed = self._now() - started
            self._seconds += elapsed
            if completed:
                self._rates.append(elapsed / images * 1000)

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def costs(self) -> dict[str, float]:
        """``train_seconds``, and once a window has ended ``seconds_per_kimg``, the windows' median.

        The median is of the whole run: one slow window, such as the first with its warm-up, does
        not move it.
        """
        costs = {"train_seconds": self._seconds}
        if self._rates:
            costs["seconds_per_kimg"] = statistics.median(self._rates)
        return costs

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps, plain numbers."""
        return {"seconds": self._seconds, "rates": list(self._rates)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave."""
        self._seconds = state["seconds"]
        self._rates = list(state["rates"])


class PeakMemory:
    """Peak memory of building and training the networks, in windows like :class:`TrainingTimer`'s.

    On CUDA it is the allocator's peak of this process on the device. On the CPU it is the rise of
    the process's peak resident memory over its level when this object was made, which is to be
    before the networks are. What grows between windows, such as an evaluation's networks, is left
    out of it.

    Linux gives the peak of each window. Where it does not let a process reset its peak, and on
    other systems, the peak since the process began serves: there a rise that stays below an earlier
    peak of the process is not seen, so the value is a lower bound.
    """

    def __init__(self, device: torch.device) -> None:
        self._gauge = _gauge(device)
        self._left = self._gauge.level()  # bytes, when the last window was left
        self._base = self._gauge.base()
        self._peak = 0

    @contextmanager
    def window(self) -> Iterator[None]:
        """Watch a stretch of building or training."""
        self._base += max(0, self._gauge.level() - self._left)
        self._gauge.reset()
        try:
            yield
        finally:
            self._peak = max(self._peak, self._gauge.peak() - self._base)
            self._left = self._gauge.level()

    def costs(self) -> dict[str, float]:
        """``peak_memory_mib``, in MiB."""
        return {"peak_memory_mib": self._peak / MIB}

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps: a resumed run's peak is that of all its processes."""
        return {"peak": self._peak}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave."""
        self._peak = max(self._peak, state["peak"])


class _Gauge(Protocol):
    """Reads memory in bytes."""

    def base(self) -> int:
        """The level that peaks are counted from."""

    def level(self) -> int:
        """In use now."""

    def peak(self) -> int:
        """The most in use since the last reset, or since the process began."""

    def reset(self) -> None:
        """Begin a new peak, where that can be done."""


class _Cuda:
    def __init__(self, device: torch.device) -> None:
        self._device = device

    def base(self) -> int:
        return 0

    def level(self) -> int:
        return torch.cuda.memory_allocated(self._device)

    def peak(self) -> int:
        return torch.cuda.max_memory_allocated(self._device)

    def reset(self) -> None:
        torch.cuda.reset_peak_memory_stats(self._device)


class _Linux:
    _STATUS = Path("/proc/self/status")
    _CLEAR = Path("/proc/self/clear_refs")

    def base(self) -> int:
        return self.level()

    def level(self) -> int:
        return self._read("VmRSS:")

    def peak(self) -> int:
        return self._read("VmHWM:")

    def reset(self) -> None:
        self._CLEAR.write_text("5")  # proc(5): the peak falls to the present level

    def _read(self, key: str) -> int:
        line = next(s for s in self._STATUS.read_text().splitlines() if s.startswith(key))
        return int(line.split()[1]) * 1024


class _Lifetime:
    """The peak since the process began, for want of better; it stands for the level too."""

    def base(self) -> int:
        return self.peak()

    def level(self) -> int:
        return self.peak()

    def peak(self) -> int:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024

    def reset(self) -> None:
        """It cannot be."""


def _gauge(device: torch.device) -> _Gauge:
    if device.type == "cuda":
        return _Cuda(device)
    linux = _Linux()
    try:
        linux.reset()
    except OSError:
        return _Lifetime()
    return linux
