"""Limit of a process's memory on a device: all of it, or a trial's share of a GPU."""

from __future__ import annotations

import os

import torch

from gansearch.hardware.memory import MIB

CONTEXT_MIB = 640.0
"""Memory of CUDA's context and libraries for each process, which the allocator does not count.
An assumption, not measured on a GPU."""


def limit_to_share(device: torch.device, share: float) -> None:
    """Limit this process to a share of a GPU's memory; on a CPU do nothing.

    The allocator may reserve the share less :data:`CONTEXT_MIB`. At the limit it first frees its
    cached blocks, then raises ``torch.OutOfMemoryError``. Other processes on the device are not
    affected.

    Args:
        device: training device.
        share: share of the device's memory, above 0; 1 or more means no limit.
    """
    if device.type == "cuda":
        context = 0.0 if share >= 1 else CONTEXT_MIB / _total(device)
        torch.cuda.set_per_process_memory_fraction(max(0.0, min(share, 1.0) - context), device)


def memory_of(device: torch.device) -> float:
    """Memory of a device that this process may use, in MiB."""
    if device.type == "cuda":
        return _total(device) * torch.cuda.get_per_process_memory_fraction(device)
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / MIB


def memory_name(device: torch.device) -> str:
    """Description of the memory of :func:`memory_of`: ``cpu``, ``cuda`` or ``a share of cuda``."""
    limited = device.type == "cuda" and torch.cuda.get_per_process_memory_fraction(device) < 1
    return f"a share of {device}" if limited else str(device)


def _total(device: torch.device) -> float:
    return float(torch.cuda.get_device_properties(device).total_memory) / MIB
