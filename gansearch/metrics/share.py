"""What a process may have of a device's memory: all of it, or a trial's share of a GPU."""

from __future__ import annotations

import os

import torch

from gansearch.metrics.memory import MIB

CONTEXT_MIB = 640.0
"""What CUDA's context and libraries take of a GPU for each process, beside what its allocator
counts; not measured on a GPU."""


def keep_to_share(device: torch.device, share: float) -> None:
    """Hold this process to a share of a GPU from now on; on a CPU there is no such limit.

    Its allocator may reserve the share less :data:`CONTEXT_MIB`. Before it asks for more it gives
    back what it keeps for later; then it raises ``torch.OutOfMemoryError``, and no other process of
    the device is touched.

    Args:
        device: that the process trains on.
        share: of the device, above 0; from 1 on there is no limit.
    """
    if device.type == "cuda":
        beside = 0.0 if share >= 1 else CONTEXT_MIB / _total(device)
        torch.cuda.set_per_process_memory_fraction(max(0.0, min(share, 1.0) - beside), device)


def memory_of(device: torch.device) -> float:
    """MiB that this process may have of a device."""
    if device.type == "cuda":
        return _total(device) * torch.cuda.get_per_process_memory_fraction(device)
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / MIB


def named(device: torch.device) -> str:
    """What :func:`memory_of` is of: ``cpu``, ``cuda`` or ``a share of cuda``."""
    limited = device.type == "cuda" and torch.cuda.get_per_process_memory_fraction(device) < 1
    return f"a share of {device}" if limited else str(device)


def _total(device: torch.device) -> float:
    return float(torch.cuda.get_device_properties(device).total_memory) / MIB
