"""Peak memory of training, measured so that trials can be compared."""

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

from gansearch.hardware.scatter import resident_error
from gansearch.hardware.timer import WARM_UP

MIB = 2**20

_EXACT = (2**16, 2**16)
_FAST = (2**26, 2**25)
"""Limits of glibc's heap for a free top and for free blocks, in bytes. ``_FAST`` has the limits
that glibc itself sets for heaps in long use."""


class PeakMemory:
    """Peak memory of building and training the networks, measured within windows.

    On CUDA the value is the peak of this process's allocator on the device. It includes memory that
    is :meth:`kept` outside the windows, such as the data set. The reserved memory is reported
    separately.

    On the CPU the value is the rise of the process's peak resident memory above its level when this
    object was made, without pages of files. Make the object before the networks. Growth between
    windows, such as the networks of an evaluation, is excluded. The first :data:`WARM_UP` rounds of
    a process are measured, and during these its heap returns freed memory at once. Otherwise the
    memory that a heap keeps would differ between processes by a tenth of the peak.

    Linux gives the peak of each window. If a process may not reset its peak, and on other systems,
    the peak since the process began is used. A rise below an earlier peak is then not seen, so the
    value is a lower bound.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._gauge = _gauge(device)
        gc.collect()
        with self._gauge.lean():
            pass  # returns memory freed earlier, which must not count in the base
        self._left = self._gauge.level()  # bytes at the end of the last window
        self._base = self._gauge.base()
        self._peak = 0
        self._reserved = 0
        self._rounds = 0
        self._is_known = False

    @contextmanager
    def window(self, rounds: int = 0) -> Iterator[None]:
        """Measure within: building of networks, or ``rounds`` rounds of training."""
        if self._is_known:
            yield
            return
        with self._gauge.lean() as is_lean:
            self._base += max(0, self._gauge.level() - self._left)
            self._note_reserved()  # of the time since the last window, which the reset would forget
            self._gauge.reset()
            try:
                yield
            finally:
                self._peak = max(self._peak, self._gauge.peak() - self._base)
                self._note_reserved()
                self._left = self._gauge.level()
        self._rounds += rounds
        self._is_known = is_lean and self._rounds >= WARM_UP

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Count tensors that are allocated within and kept; exclude the peak within.

        This applies to CUDA, whose allocator holds only tensors. On the CPU it has no effect:
        modules imported within, such as a compiler's, do not belong to the training.
        """
        before = self._gauge.tensors()
        try:
            yield
        finally:
            self._left += max(0, self._gauge.tensors() - before)

    def costs(self, held: int) -> dict[str, float]:
        """Memory in MiB: ``peak_memory_mib``, its error, and on CUDA ``reserved_memory_mib``.

        The reserved memory is the peak of all memory that the allocator withholds from other
        processes. It includes free blocks kept for reuse, and evaluations.

        Args:
            held: bytes that are known to be in use, a lower bound of the peak. With small networks
                a process can return more memory during training than they take.
        """
        mib = max(self._peak, held) / MIB
        costs = {"peak_memory_mib": mib, "peak_memory_mib_error": self._gauge.error(mib)}
        self._note_reserved()
        return {**costs, "reserved_memory_mib": self._reserved / MIB} if self._reserved else costs

    def state_dict(self) -> dict[str, Any]:
        """State for a checkpoint; the peak of a resumed run covers all its processes."""
        self._note_reserved()
        return {"device": self._device.type, "peak": self._peak, "reserved": self._reserved}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state from :meth:`state_dict`; ignored if the type of device differs."""
        if state["device"] == self._device.type:
            self._peak = max(self._peak, state["peak"])
            self._reserved = max(self._reserved, state["reserved"])

    def _note_reserved(self) -> None:
        self._reserved = max(self._reserved, self._gauge.reserved())


class _Gauge(Protocol):
    """Reads memory in bytes."""

    def base(self) -> int:
        """Level that peaks are counted from."""

    def level(self) -> int:
        """Memory in use now."""

    def tensors(self) -> int:
        """Memory of tensors in use now; 0 if it cannot be told from other memory."""

    def peak(self) -> int:
        """Peak of the memory in use since the last reset, or since the process began."""

    def reserved(self) -> int:
        """Peak of the memory held by the allocator since the last reset; 0 without an allocator."""

    def error(self, mib: float) -> float:
        """Standard error of a peak of ``mib`` MiB, in MiB."""

    def reset(self) -> None:
        """Reset the peak if possible."""

    def lean(self) -> AbstractContextManager[bool]:
        """Make the heap return freed memory at once, within; yields whether it does.

        This slows the process, so a peak measured this way is not measured again.
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

    def error(self, mib: float) -> float:  # noqa: ARG002 - the allocator counts exactly
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
        self._CLEAR.write_text("5")  # proc(5): resets the peak to the current level

    def lean(self) -> AbstractContextManager[bool]:
        return _lean_heap()

    def _own(self, total: str) -> int:
        """Resident memory without pages of files, such as code of libraries, which are shared."""
        lines = self._STATUS.read_text().splitlines()
        sizes = {key: rest.split() for key, _, rest in (line.partition(":") for line in lines)}
        return (int(sizes[total][0]) - int(sizes["RssFile"][0])) * 1024


class _Lifetime:
    """Fallback: the peak since the process began, which also stands for the level."""

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
        """Do nothing: this peak cannot be reset."""

    def lean(self) -> AbstractContextManager[bool]:
        return nullcontext(False)


@contextmanager
def _lean_heap() -> Iterator[bool]:
    """Make glibc's heap return freed memory at once, within; kept memory would hide allocations."""
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
    """Set the sizes in bytes up to which the heap keeps a free top and free blocks.

    A larger block returns to the system as soon as it is freed.
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
