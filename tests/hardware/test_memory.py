from __future__ import annotations

import mmap

import pytest
import torch
from torch import Tensor

from gansearch.hardware import memory as memory_module
from gansearch.hardware.memory import MIB, PeakMemory
from gansearch.hardware.scatter import resident_error

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def touched(mib: int) -> Tensor:
    # Mapped, not from the heap, which may hand out pages that earlier tests left resident.
    return torch.frombuffer(mmap.mmap(-1, mib * MIB), dtype=torch.uint8).fill_(1)


def peak(memory: PeakMemory, held: int = 0) -> float:
    return memory.costs(held)["peak_memory_mib"]


def test_the_peak_excludes_memory_between_windows() -> None:
    memory = PeakMemory(CPU)
    with memory.window():
        networks = touched(64)
        step = touched(128)
        del step
    evaluation = touched(512)
    with memory.window():
        step = touched(64)
        del step
    del evaluation
    assert len(networks) == 64 * MIB
    assert peak(memory) == pytest.approx(64 + 128, abs=8)


def test_the_peak_includes_memory_kept_from_earlier_windows() -> None:
    memory = PeakMemory(CPU)
    kept = []
    for _ in range(4):
        with memory.window():
            kept.append(touched(32))
    assert peak(memory) == pytest.approx(128, abs=8)


def test_a_peak_has_the_error_of_the_systems_counts() -> None:
    costs = PeakMemory(CPU).costs(held=100 * MIB)
    assert costs["peak_memory_mib_error"] == resident_error(costs["peak_memory_mib"]) > 0
    # An allocator counts exactly.
    assert memory_module._Cuda(torch.device("cuda")).error(100.0) == 0.0


def test_a_resumed_peak_is_the_larger_one() -> None:
    memory = PeakMemory(CPU)
    with memory.window():
        kept = touched(32)
    del kept
    resumed = PeakMemory(CPU)
    resumed.load_state_dict(memory.state_dict())
    with resumed.window():
        pass
    assert peak(resumed) == peak(memory)
    assert peak(memory) == pytest.approx(32, abs=8)


def test_the_peak_is_at_least_the_memory_of_the_networks() -> None:
    before = touched(64)
    memory = PeakMemory(CPU)
    with memory.window():
        del before
        networks = touched(2)
    assert peak(memory, held=len(networks)) == pytest.approx(2, abs=0.1)


def told(memory: PeakMemory) -> tuple[float, float]:
    """Peak and reserved, in MiB."""
    costs = memory.costs(0)
    return costs["peak_memory_mib"], costs["reserved_memory_mib"]


# --- On CUDA -------------------------------------------------------------------------------------


class Allocator:
    """A simulated caching allocator: blocks are freed, and what was reserved stays until emptied.

    ``most`` and ``reserved`` are peaks since the last reset, as torch's are.
    """

    def __init__(self) -> None:
        self.allocated = self.most = self.held = self.reserved = 0

    def take(self, mib: int) -> None:
        self.allocated += mib * MIB
        self.most = max(self.most, self.allocated)
        self.held = max(self.held, self.allocated)
        self.reserved = max(self.reserved, self.held)

    def free(self, mib: int) -> None:
        self.allocated -= mib * MIB

    def empty(self) -> None:
        """Give back what is not in use, as the allocator does at the limit of a share."""
        self.held = self.allocated

    def reset(self) -> None:
        self.most, self.reserved = self.allocated, self.held

    def step(self, mib: int) -> None:
        self.take(mib)
        self.free(mib)


@pytest.fixture
def allocator(monkeypatch: pytest.MonkeyPatch) -> Allocator:
    """The simulated allocator in place of the device's."""
    allocator = Allocator()
    for name, function in {
        "memory_allocated": lambda _: allocator.allocated,
        "max_memory_allocated": lambda _: allocator.most,
        "max_memory_reserved": lambda _: allocator.reserved,
        "reset_peak_memory_stats": lambda _: allocator.reset(),
    }.items():
        monkeypatch.setattr(torch.cuda, name, function)
    return allocator


def test_memory_kept_between_windows_counts_and_an_evaluation_does_not(
    allocator: Allocator,
) -> None:
    memory = PeakMemory(GPU)
    with memory.window():
        allocator.take(200)  # networks
    with memory.kept():
        allocator.take(900)  # the data set
    with memory.kept():
        allocator.step(5000)  # a compiler tries something
        allocator.take(50)
    with memory.window(1):
        allocator.step(250)
    assert memory.costs(0) == {
        "peak_memory_mib": 1400,
        "peak_memory_mib_error": 0,
        "reserved_memory_mib": 6100,
    }
    allocator.take(3000)  # an evaluation's networks
    allocator.step(2500)
    with memory.window(1):
        allocator.step(250)
    assert memory.costs(0) == {
        "peak_memory_mib": 1400,
        "peak_memory_mib_error": 0,
        "reserved_memory_mib": 6650,
    }


def test_memory_reserved_by_an_evaluation_counts_as_reserved(allocator: Allocator) -> None:
    memory = PeakMemory(GPU)
    with memory.window(1):
        allocator.step(100)
    allocator.step(3000)
    assert memory.costs(0) == {
        "peak_memory_mib": 100,
        "peak_memory_mib_error": 0,
        "reserved_memory_mib": 3000,
    }
    assert memory.state_dict()["reserved"] == 3000 * MIB


def test_memory_reserved_and_released_between_windows_counts_as_reserved(
    allocator: Allocator,
) -> None:
    memory = PeakMemory(GPU)
    with memory.window(1):
        allocator.step(100)
    allocator.step(3000)
    allocator.empty()
    with memory.window(1):
        allocator.step(100)
    assert told(memory) == (100, 3000)
    assert memory.state_dict()["reserved"] == 3000 * MIB


def test_another_type_of_device_is_measured_again(allocator: Allocator) -> None:
    memory = PeakMemory(GPU)
    with memory.window(1):
        allocator.step(100)
    resumed = PeakMemory(CPU)
    resumed.load_state_dict(memory.state_dict())
    assert peak(resumed) < 100


@pytest.fixture
def refused_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object) -> None:
        raise PermissionError

    monkeypatch.setattr(memory_module._Linux, "reset", refuse)


@pytest.mark.usefixtures("refused_reset")
def test_the_rise_of_the_lifetimes_peak_is_used_if_the_peak_cannot_be_reset() -> None:
    highest = memory_module._Lifetime().peak()
    now = memory_module._Linux().level()
    hidden = touched((highest - now) // MIB + 16)  # past every earlier peak of this process
    memory = PeakMemory(CPU)
    with memory.window():
        kept = touched(64)
    assert peak(memory) == pytest.approx(64, abs=8)
    del hidden, kept  # held until here
