"""The limit of a process's memory on a GPU."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from gansearch.hardware.share import CONTEXT_MIB, limit_to_share, memory_name, memory_of

CPU, GPU = torch.device("cpu"), torch.device("cuda")
TOTAL = 80_000  # MiB


@pytest.fixture
def fraction(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A GPU; the last element is the fraction of it that the process is held to."""
    fractions = [1.0]
    properties = SimpleNamespace(total_memory=TOTAL * 2**20)
    for name, function in {
        "get_device_properties": lambda _: properties,
        "set_per_process_memory_fraction": lambda value, _: fractions.append(value),
        "get_per_process_memory_fraction": lambda _: fractions[-1],
    }.items():
        monkeypatch.setattr(torch.cuda, name, function)
    return fractions


@pytest.mark.parametrize("share", [1 / 8, 1 / 4, 0.3, 1 / 2])
def test_shares_that_fill_a_gpu_leave_memory_for_every_context(
    fraction: list[float], share: float
) -> None:
    limit_to_share(GPU, share)
    assert memory_of(GPU) == pytest.approx(share * TOTAL - CONTEXT_MIB)
    assert int(1 / share) * (memory_of(GPU) + CONTEXT_MIB) <= TOTAL
    assert memory_name(GPU) == "a share of cuda"


@pytest.mark.parametrize("share", [1, 1.0, 2])
def test_a_whole_gpu_has_no_limit(fraction: list[float], share: float) -> None:
    limit_to_share(GPU, 0.5)
    limit_to_share(GPU, share)
    assert memory_of(GPU) == TOTAL
    assert memory_name(GPU) == "cuda"


def test_a_share_does_not_limit_a_cpu(fraction: list[float]) -> None:
    limit_to_share(CPU, 0.25)
    assert fraction == [1.0]
    assert memory_name(CPU) == "cpu"


@pytest.mark.gpu
def test_a_process_runs_out_of_memory_above_its_share() -> None:
    limit_to_share(GPU, 0.25)
    try:
        there = int(memory_of(GPU) * 2**20)
        kept = torch.empty(there // 2, dtype=torch.uint8, device=GPU)
        with pytest.raises(torch.OutOfMemoryError):
            torch.empty(there, dtype=torch.uint8, device=GPU)
        del kept
        torch.empty(int(there * 0.9), dtype=torch.uint8, device=GPU)  # what was kept is given back
    finally:
        limit_to_share(GPU, 1)
