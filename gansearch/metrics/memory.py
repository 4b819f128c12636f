"""How much memory training takes, measured so that two trials can be compared."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import torch

from gansearch.metrics.scatter import resident_error
from gansearch.metrics.timer import WARM_UP

MIB = 2**20

_EXACT = (2**16, 2**16)
_FAST = (2**26, 2**25)
"""Of a free top and of free blocks, in bytes: glibc's own limits for heaps in use for long."""


class PeakMemory:
    """Peak memory of building and training the networks, in windows like :class:`TrainingTimer`'s.

    On CUDA it is the allocator's peak of this process on the device, with what is :meth:`kept`
    beside the windows, such as the data set; what it reserves is reported beside it. On the CPU it
    is the rise of the process's peak resident memory over its level when this object was made,
    which is to be before the networks are, without the pages of files: of a process's
    :data:`WARM_UP` rounds, during which its heap gives back at once what is freed, because what a
    heap keeps differs from one process to the next by a tenth of the peak. What else grows between
    windows, such as an evaluation's networks, is left out of it.

    Linux gives the peak of each window. Where it does not let a process reset its peak, and on
    other systems, the peak since the process began serves: there a rise that stays below an earlier
    peak of the process is not seen, so the value is a lower bound.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._gauge = _gauge(device)
        gc.collect()
        with self._gauge.lean():
            pass  # what was freed before is no part of the base
        self._left = self._gauge.level()  # bytes, when the last window was left
        self._base = self._gauge.base()
        self._peak = 0
        self._reserved = 0
        self._rounds = 0
        self._is_known = False

    @contextmanager
    def window(self, rounds: int = 0) -> Iterator[None]:
        """Watch a stretch of building, or of so many rounds of training."""
        if self._is_known:
            yield
            return
        with self._gauge.lean() as is_lean:
            self._base += max(0, self._gauge.level() - self._left)
            self._gauge.reset()
            try:
                yield
            finally:
                self._peak = max(self._peak, self._gauge.peak() - self._base)
                self._reserved = max(self._reserved, self._gauge.reserved())
                self._left = self._gauge.level()
        self._rounds += rounds
        self._is_known = is_lean and self._rounds >= WARM_UP

    @contextmanager
    def kept(self) -> Iterator[None]:
        """What is allocated within, and not freed, belongs to the training; its own peak does not.

        On CUDA, whose allocator has tensors alone. On the CPU no difference is made: modules that
        are imported meanwhile, such as a compiler's, are no part of the training.
        """
        before = self._gauge.tensors()
        try:
            yield
        finally:
            self._left += max(0, self._gauge.tensors() - before)

    def costs(self, held: int) -> dict[str, float]:
        """In MiB ``peak_memory_mib`` with its standard error, and on CUDA ``reserved_memory_mib``.

        What is reserved is the allocator's peak with all that it keeps to use again, of evaluations
        too: what other processes cannot have.

        Args:
            held: bytes that are known to be held. A process can give back more meanwhile than
                small networks take; the peak is not less than they are.
        """
        mib = max(self._peak, held) / MIB
        costs = {"peak_memory_mib": mib, "peak_memory_mib_error": self._gauge.error(mib)}
        reserved = max(self._reserved, self._gauge.reserved())  # since the last window too
        return {**costs, "reserved_memory_mib": reserved / MIB} if reserved else costs

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps: a resumed run's peak is that of all its processes."""
        reserved = max(self._reserved, self._gauge.reserved())
        return {"device": self._device.type, "peak": self._peak, "reserved": reserved}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave; another type of device is measured anew."""
        if state["device"] == self._device.type:
            self._peak = max(self._peak, state["peak"])
            self._reserved = max(self._reserved, state["reserved"])


class _Gauge(Protocol):
    """Reads memory in bytes."""

    def base(self) -> int:
        """The level that peaks are counted from."""

    def level(self) -> int:
        """In use now."""

    def tensors(self) -> int:
        """In use now by tensors; 0 where they are not told from what else there is."""

    def peak(self) -> int:
        """The most in use since the last reset, or since the process began."""

    def reserved(self) -> int:
        """The most that an allocator held since the last reset; 0 where none is asked."""

    def error(self, mib: float) -> float:
        """Standard error of a peak, in MiB."""

    def reset(self) -> None:
        """Begin a new peak, where that can be done."""

    def lean(self) -> AbstractContextManager[bool]:
        """The heap keeps nothing that is freed, within; yields whether it is so.

        It takes time: a peak that was read so is not read again later.
        """


class _Cuda:
    def __init__(self, device: torch.device) -> None:
        self._device = device

    def base(self) -> int:
        return 0

    def level(self) -> int:
        return torch.cuda.memory_allocated(self._device)

    def tensors(self) -> int:
        return self.level()

    def peak(self) -> int:
        return torch.cuda.max_memory_allocated(self._device)

    def reserved(self) -> int:
        return torch.cuda.max_memory_reserved(self._device)

    def error(self, mib: float) -> float:  # noqa: ARG002 - an allocator counts exactly
        return 0.0

    def reset(self) -> None:
        torch.cuda.reset_peak_memory_stats(self._device)

    def lean(self) -> AbstractContextManager[bool]:
        return nullcontext(False)


class _Linux:
    _STATUS = Path("/proc/self/status")
    _CLEAR = Path("/proc/self/clear_refs")

    def base(self) -> int:
        return self.level()

    def level(self) -> int:
        return self._own("VmRSS")

    def tensors(self) -> int:
        return 0

    def peak(self) -> int:
        return self._own("VmHWM")

    def reserved(self) -> int:
        return 0

    def error(self, mib: float) -> float:
        return resident_error(mib)

    def reset(self) -> None:
        self._CLEAR.write_text("5")  # proc(5): the peak falls to the present level

    def lean(self) -> AbstractContextManager[bool]:
        return _lean_heap()

    def _own(self, total: str) -> int:
        """Of this process alone: pages of files, such as libraries' code, are for all to read."""
        lines = self._STATUS.read_text().splitlines()
        sizes = {key: rest.split() for key, _, rest in (line.partition(":") for line in lines)}
        return (int(sizes[total][0]) - int(sizes["RssFile"][0])) * 1024


class _Lifetime:
    """The peak since the process began, for want of better; it stands for the level too."""

    def base(self) -> int:
        return self.peak()

    def level(self) -> int:
        return self.peak()

    def tensors(self) -> int:
        return 0

    def peak(self) -> int:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024

    def reserved(self) -> int:
        return 0

    def error(self, mib: float) -> float:
        return resident_error(mib)

    def reset(self) -> None:
        """It cannot be."""

    def lean(self) -> AbstractContextManager[bool]:
        return nullcontext(False)


@contextmanager
def _lean_heap() -> Iterator[bool]:
    """Within, the heap of glibc gives the system what is freed: what is kept hides what comes."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):
        yield False
        return
    _keep_freed(libc, *_EXACT)
    libc.malloc_trim(0)
    try:
        yield True
    finally:
        _keep_freed(libc, *_FAST)


def _keep_freed(libc: ctypes.CDLL, top: int, block: int) -> None:
    """Have the heap keep a free top, and free blocks, up to so many bytes.

    A larger block is the system's as soon as it is freed.
    """
    libc.mallopt(-1, top)  # M_TRIM_THRESHOLD
    libc.mallopt(-3, block)  # M_MMAP_THRESHOLD


def _gauge(device: torch.device) -> _Gauge:
    if device.type == "cuda":
        return _Cuda(device)
    linux = _Linux()
    try:
        linux.reset()
    except OSError:
        return _Lifetime()
    return linux
