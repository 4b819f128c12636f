from __future__ import annotations

import mmap
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from gansearch.data.batch import Batch, ImageSpec
from gansearch.metrics import cost
from gansearch.metrics.cost import MIB, PeakMemory, TrainingTimer, gmacs, parameters
from gansearch.settings import Settings
from gansearch.variants.base import Losses, Player, Variant

CPU = torch.device("cpu")


Input = Callable[[Batch, torch.Generator], Tensor]


class Toy(Variant[Settings]):
    """A generator that is one module, and a discriminator beside a frozen network."""

    def __init__(self, g: nn.Module, make_input: Input) -> None:
        super().__init__(Settings(), ImageSpec(channels=1, resolution=8))
        self.g = g
        self.d = nn.Linear(10, 5)
        self.frozen = nn.Linear(100, 100)
        self._input = make_input

    @property
    def players(self) -> dict[str, Player]:
        sgd = torch.optim.SGD
        return {
            "g": Player("g", (self.g, self.g), sgd),  # listed twice, counted once
            "d": Player("d", (self.d,), sgd),
        }

    def phases(self) -> Sequence[tuple[str, int]]:
        return (("d", 1), ("g", 1))

    def losses(self, player: str, batch: Batch) -> Losses:
        raise NotImplementedError

    def sample(self, batch: Batch, generator: torch.Generator) -> Tensor:
        out: Tensor = self.g(self._input(batch, generator))
        return out


def noise(*shape: int) -> Input:
    return lambda batch, generator: torch.randn(len(batch), *shape, generator=generator)


# --- Parameters and multiply-accumulates -------------------------------------------------------


def test_parameters_by_player() -> None:
    counts = parameters(Toy(nn.Linear(30, 20), noise(30)))
    assert counts == pytest.approx(
        {"g_params_m": 620e-6, "d_params_m": 55e-6, "params_m": 675e-6}, rel=1e-12
    )


@pytest.mark.parametrize(
    ("module", "shape", "macs"),
    [
        (nn.Linear(30, 20), (30,), 30 * 20),
        (nn.Conv2d(3, 16, 5, padding=2), (3, 8, 8), 8 * 8 * 16 * 3 * 25),
        (nn.Conv2d(4, 8, 3, stride=2, padding=1), (4, 8, 8), 4 * 4 * 8 * 4 * 9),
        (nn.Conv2d(6, 12, 3, padding=1, groups=6), (6, 8, 8), 8 * 8 * 12 * 9),
        (nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1), (8, 4, 4), 4 * 4 * 8 * 4 * 16),
        (nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1, groups=8), (8, 4, 4), 4 * 4 * 8 * 16),
        (nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU()), (4,), 16),
    ],
)
def test_gmacs_closed_forms(module: nn.Module, shape: tuple[int, ...], macs: int) -> None:
    assert gmacs(Toy(module, noise(*shape))) == pytest.approx(macs / 1e9, rel=1e-12)


def test_gmacs_leaves_the_variant_and_the_global_random_state_as_they_were() -> None:
    toy = Toy(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), noise(4)).train()
    before = {name: tensor.clone() for name, tensor in toy.state_dict().items()}
    state = torch.get_rng_state()
    gmacs(toy)
    assert toy.training
    assert torch.equal(torch.get_rng_state(), state)
    for name, tensor in toy.state_dict().items():
        assert torch.equal(tensor, before[name]), name


# --- Time --------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(cost, "time", clock)
    return clock


def test_only_windows_count_and_the_rate_is_their_median(clock: Clock) -> None:
    timer = TrainingTimer(CPU)
    assert timer.costs() == {"train_seconds": 0.0}
    for seconds in (9.0, 1.0, 2.0):
        with timer.window(images=500):
            clock.now += seconds
        clock.now += 1000  # an evaluation
    assert timer.costs() == {"train_seconds": 12.0, "seconds_per_kimg": 4.0}


def test_a_window_that_raises_costs_time_and_gives_no_rate(clock: Clock) -> None:
    timer = TrainingTimer(CPU)

    def diverge() -> None:
        with timer.window(images=500):
            clock.now += 3
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        diverge()
    assert timer.costs() == {"train_seconds": 3.0}


def test_a_resumed_timer_goes_on(clock: Clock) -> None:
    first, second = TrainingTimer(CPU), TrainingTimer(CPU)
    with first.window(images=1000):
        clock.now += 3
    second.load_state_dict(first.state_dict())
    with second.window(images=1000):
        clock.now += 5
    assert second.costs() == {"train_seconds": 8.0, "seconds_per_kimg": 4.0}
    assert first.costs() == {"train_seconds": 3.0, "seconds_per_kimg": 3.0}


# --- Memory ------------------------------------------------------------------------------------


def touched(mib: int) -> Tensor:
    # Mapped, not from the heap, which may hand out pages that earlier tests left resident.
    return torch.frombuffer(mmap.mmap(-1, mib * MIB), dtype=torch.uint8).fill_(1)


def peak(memory: PeakMemory) -> float:
    return memory.costs()["peak_memory_mib"]


def test_peak_is_of_the_windows_alone() -> None:
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


def test_peak_counts_what_earlier_windows_left() -> None:
    memory = PeakMemory(CPU)
    kept = []
    for _ in range(4):
        with memory.window():
            kept.append(touched(32))
    assert peak(memory) == pytest.approx(128, abs=8)


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


@pytest.fixture
def refused_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object) -> None:
        raise PermissionError

    monkeypatch.setattr(cost._Linux, "reset", refuse)


@pytest.mark.usefixtures("refused_reset")
def test_where_the_peak_cannot_be_reset_the_rise_of_the_lifetimes_peak_serves() -> None:
    highest = cost._Lifetime().peak()
    now = cost._Linux().level()
    hidden = touched((highest - now) // MIB + 16)  # past every earlier peak of this process
    memory = PeakMemory(CPU)
    with memory.window():
        kept = touched(64)
    assert peak(memory) == pytest.approx(64, abs=8)
    del hidden, kept  # held until here
