from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import accumulate, pairwise
from math import hypot
from statistics import mean, median
from types import MappingProxyType

import numpy as np
import pytest
import torch

from gansearch.hardware import clock as clock_module
from gansearch.hardware import timer as timer_module
from gansearch.hardware.device import Turns
from gansearch.hardware.scatter import NOT_ALONE, REPEATS
from gansearch.hardware.timer import (
    MEASURED,
    SETTLING,
    SHARE,
    SPACING,
    WARM_UP,
    TrainingTimer,
)

CPU = torch.device("cpu")
IMAGES = 10  # of a round
Lazies = Mapping[str, tuple[int, float]]
"""Lazy penalties by name: rounds from one to the next, and seconds that it takes."""
NONE: Lazies = MappingProxyType({})


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


class Device(Turns):
    """A device on a clock of its own, which is slower while others are there."""

    def __init__(
        self,
        clock: Clock,
        *,
        waits: float = 0.0,
        granted: bool = True,
        empty: bool = False,
        cold: float = 0.0,
    ) -> None:
        self.clock = clock
        self.waited = 0.0
        self.slowed = 1.0
        self.trained = 0
        self.noise: Callable[[], float] = lambda: 1.0
        self.asked: list[bool] = []
        self.stretches: list[tuple[bool, int]] = []
        self._waits = waits
        self._granted = granted
        self._empty = empty
        self._cold = cold  # seconds more of the first rounds after the others have left

    @contextmanager
    def measured(self, *, alone: bool) -> Iterator[Callable[[], bool]]:
        self.asked.append(alone)
        if alone:
            self.clock.now += self._waits
            self.waited += self._waits
        is_alone = self._empty or (alone and self._granted)
        self.slowed = 1.0 if is_alone else 3.0
        yield lambda: is_alone

    def train(
        self,
        timer: TrainingTimer,
        rounds: int,
        seconds: float,
        lazies: Lazies = MappingProxyType({}),
    ) -> None:
        """Rounds that take so long each when nobody else is there, or has been just before."""
        while rounds:
            with timer.stretch(rounds, IMAGES) as stretch:
                assert 1 <= len(stretch) <= rounds
                for index in stretch:
                    self.clock.now += seconds * self.slowed * self.noise()
                    if self.asked[-1] and index < SETTLING:
                        self.clock.now += self._cold
                    for name, (interval, lasts) in lazies.items():
                        if self.trained % interval == 0:
                            with timer.lazily(name, interval):
                                self.clock.now += lasts * self.slowed * self.noise()
                    self.trained += 1
                self.stretches.append((self.slowed == 1.0, len(stretch)))
            rounds -= len(stretch)

    @property
    def alone_rounds(self) -> list[int]:
        return [count for alone, count in self.stretches if alone]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Of the timer and the device, where no other program runs."""
    clock = Clock()
    for module in (timer_module, clock_module):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(clock_module, "outside_load", lambda _: lambda: 0.0)
    return clock


@pytest.fixture
def device(clock: Clock) -> Device:
    return Device(clock)


def test_what_others_do_to_it_is_in_the_seconds_and_not_in_the_rate(device: Device) -> None:
    timer = TrainingTimer(CPU, device)
    assert timer.costs() == {
        "train_seconds": 0,
        "warmup_seconds": 0,
        "waiting_seconds": 0,
        "measured_alone": 0,
        "outside_load": 0,
    }
    device.train(timer, 200, seconds=0.02)
    device.clock.now += 1000  # an evaluation
    costs = timer.costs()
    alone = sum(device.alone_rounds)
    assert costs["seconds_per_kimg"] == pytest.approx(0.02 / IMAGES * 1000)
    assert costs["train_seconds"] == pytest.approx(0.02 * (alone + 3 * (200 - alone)))
    assert costs["measured_alone"] >= 1


def test_on_a_device_of_its_own_all_is_measured_and_soon_nobody_is_asked(clock: Clock) -> None:
    device = Device(clock, empty=True)
    timer = TrainingTimer(CPU, device)
    device.train(timer, WARM_UP, seconds=9.0)
    for seconds in (0.02, 0.04, 0.04, 0.04, 0.9):
        device.train(timer, 20 * MEASURED, seconds)
    assert timer.costs()["seconds_per_kimg"] == pytest.approx(0.04 / IMAGES * 1000)
    assert timer.costs()["measured_alone"] > 50
    assert sum(device.asked) <= 3  # in parts, since the rounds of the warm-up were long


def test_the_first_rounds_of_a_process_are_not_measured(device: Device) -> None:
    timer = TrainingTimer(CPU, device)
    device.train(timer, 1, seconds=50.0)  # compilation
    device.train(timer, WARM_UP - 1, seconds=0.02)
    assert not device.alone_rounds
    assert timer.costs()["warmup_seconds"] == timer.costs()["train_seconds"]
    device.train(timer, 50, seconds=0.02)
    assert timer.costs()["seconds_per_kimg"] == pytest.approx(2.0)
    assert timer.costs()["warmup_seconds"] == pytest.approx(3 * (50 + 0.02 * (WARM_UP - 1)))


def test_the_rate_is_the_median_of_measurements_at_geometric_distances(device: Device) -> None:
    timer = TrainingTimer(CPU, device)
    device.clock.now += 1e6  # any number of measurements is affordable
    device.train(timer, 100, seconds=0.01)
    device.train(timer, 20_000, seconds=0.02)
    ends = list(accumulate(count for _, count in device.stretches))
    spans = [
        (end - count, end)
        for end, (alone, count) in zip(ends, device.stretches, strict=True)
        if alone
    ]
    assert timer.costs()["measured_alone"] == len(spans) > 10
    assert timer.costs()["seconds_per_kimg"] == pytest.approx(0.02 / IMAGES * 1000)
    for (_, before), (after, _) in pairwise(spans):
        assert after >= SPACING * before - 1
        assert after <= SPACING * before + 25  # the stretch that was under way


def test_measuring_and_waiting_are_a_small_share(clock: Clock) -> None:
    device = Device(clock, waits=0.5)
    timer = TrainingTimer(CPU, device)
    born = clock.now
    device.train(timer, 20_000, seconds=0.01)
    spent = device.waited + 0.01 * sum(device.alone_rounds)
    one = 0.5 + 0.01 * (SETTLING + MEASURED)
    assert len(device.alone_rounds) > 1
    assert spent <= SHARE * (clock.now - born) + one + 1e-6


def test_what_others_left_in_the_caches_is_in_the_seconds_and_not_in_the_rate(
    clock: Clock,
) -> None:
    device = Device(clock, cold=0.01)
    timer = TrainingTimer(CPU, device)
    for _ in range(100):  # windows that a measurement does not fit into
        device.train(timer, MEASURED - 1, seconds=0.01)
    costs = timer.costs()
    assert costs["measured_alone"] > 1
    assert costs["seconds_per_kimg"] == pytest.approx(0.01 / IMAGES * 1000)
    assert costs["train_seconds"] == pytest.approx(
        sum(
            count * 0.01 * (1 if alone else 3) + alone * min(count, SETTLING) * 0.01
            for alone, count in device.stretches
        )
    )


def test_a_measurement_goes_on_until_it_has_enough_rounds(device: Device) -> None:
    timer = TrainingTimer(CPU, device)
    device.train(timer, WARM_UP, seconds=0.4)
    for seconds in (0.4, 0.6) * (MEASURED // 2):  # windows of a single round
        device.train(timer, 1, seconds)
    assert device.alone_rounds == [1] * MEASURED
    assert timer.costs()["measured_alone"] == 1
    assert timer.costs()["seconds_per_kimg"] == pytest.approx(0.5 / IMAGES * 1000)


def test_stretches_are_short_for_others_to_have_their_turn(device: Device) -> None:
    timer = TrainingTimer(CPU, device)
    device.train(timer, 2000, seconds=0.01)
    beside = [count for alone, count in device.stretches if not alone]
    assert max(beside) * 0.01 <= 0.25  # as the last rounds were, alone perhaps
    assert median(beside) * 0.03 <= 0.25
    assert max(device.alone_rounds) * 0.01 <= 1.0


def test_rounds_longer_than_a_stretch_come_one_by_one(device: Device) -> None:
    timer = TrainingTimer(CPU, device)
    device.train(timer, WARM_UP + MEASURED, seconds=9.0)
    assert {count for _, count in device.stretches} == {1}
    assert timer.costs()["measured_alone"] == 1


def test_a_run_too_short_for_a_measurement_has_the_rate_of_all_of_it(device: Device) -> None:
    timer = TrainingTimer(CPU, device)
    device.train(timer, 5, seconds=0.1)
    costs = timer.costs()
    assert costs["measured_alone"] == 0
    assert costs["seconds_per_kimg"] == pytest.approx(3 * 0.1 / IMAGES * 1000)


def test_one_who_is_never_let_alone_says_so(clock: Clock) -> None:
    device = Device(clock, granted=False)
    timer = TrainingTimer(CPU, device)
    device.train(timer, 1000, seconds=0.1)
    costs = timer.costs()
    assert costs["measured_alone"] == 0
    assert costs["seconds_per_kimg"] == pytest.approx(3 * 0.1 / IMAGES * 1000)


def test_a_stretch_that_raises_costs_time_and_gives_no_rate(device: Device) -> None:
    timer = TrainingTimer(CPU, device)

    def diverge() -> None:
        with timer.stretch(500, IMAGES):
            device.clock.now += 3
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        diverge()
    assert timer.costs()["train_seconds"] == 3
    assert "seconds_per_kimg" not in timer.costs()


def test_a_resumed_timer_goes_on(clock: Clock) -> None:
    first, second = Device(clock, waits=0.25), Device(clock, waits=0.25)
    before, after = TrainingTimer(CPU, first), TrainingTimer(CPU, second)
    first.train(before, 100, seconds=0.1)
    state = before.state_dict()
    after.load_state_dict(state)
    assert after.costs() == before.costs()
    second.train(after, 100, seconds=0.5)
    assert not any(alone for alone, _ in second.stretches[:WARM_UP])  # its own first rounds
    assert after.costs()["measured_alone"] > before.costs()["measured_alone"]
    assert after.costs()["waiting_seconds"] == first.waited + second.waited
    assert after.costs()["train_seconds"] > before.costs()["train_seconds"]
    assert before.state_dict() == state


def test_another_kind_of_device_is_measured_anew(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(clock)
    before, after = TrainingTimer(CPU, device), TrainingTimer(CPU, device)
    device.train(before, 100, seconds=0.1)
    state = before.state_dict()
    monkeypatch.setattr(timer_module, "device_name", lambda _: "another")
    after.load_state_dict(state)
    assert after.costs()["measured_alone"] == 0
    device.train(after, 100, seconds=0.5)
    assert after.costs()["seconds_per_kimg"] == pytest.approx(0.5 / IMAGES * 1000)


@pytest.mark.gpu
def test_on_a_gpu_its_own_events_are_the_clock() -> None:
    gpu = torch.device("cuda")
    timer = TrainingTimer(gpu, Turns(gpu))
    with timer.stretch(1, IMAGES):
        torch.cuda._sleep(10**9)  # cycles; the host does not wait
    assert timer.costs()["train_seconds"] > 0.1


def test_the_error_is_that_of_repeats_where_measurements_agree(device: Device) -> None:
    timer = TrainingTimer(CPU, device)
    device.train(timer, 200, seconds=0.02)
    costs = timer.costs()
    assert costs["seconds_per_kimg_error"] == pytest.approx(REPEATS * costs["seconds_per_kimg"])
    beside = costs["train_seconds"] - 0.02 * 200  # what others' work came to
    assert costs["train_seconds_error"] == pytest.approx(
        hypot(REPEATS * 0.02 * 200, beside), rel=1e-6
    )


def test_the_error_of_a_median_is_that_of_normal_measurements(clock: Clock) -> None:
    """The deviation of many runs' medians is what each says of itself."""
    random, medians, errors = np.random.default_rng(0), [], []
    for _ in range(100):
        device = Device(clock, empty=True)
        timer = TrainingTimer(CPU, device)
        device.train(timer, WARM_UP, seconds=0.02)
        for _ in range(25):  # each a measurement
            device.train(timer, MEASURED, seconds=0.02 * (1 + 0.3 * random.normal()))
        costs = timer.costs()
        assert costs["measured_alone"] >= 20
        medians.append(costs["seconds_per_kimg"])
        errors.append(costs["seconds_per_kimg_error"])
    windows = np.sqrt(np.square(errors) - np.square(REPEATS * np.array(medians)))
    assert windows.mean() == pytest.approx(np.std(medians), rel=0.2)


def test_a_rate_that_was_never_measured_alone_may_be_twice_what_it_is(clock: Clock) -> None:
    device = Device(clock, granted=False)
    timer = TrainingTimer(CPU, device)
    device.train(timer, 1000, seconds=0.1)
    costs = timer.costs()
    assert costs["seconds_per_kimg_error"] == pytest.approx(NOT_ALONE * costs["seconds_per_kimg"])
    assert "seconds_per_kimg_error" not in TrainingTimer(CPU, device).costs()


def test_where_rounds_change_the_rate_is_that_of_all_images(clock: Clock) -> None:
    """As many images at 2 and at 6 seconds per kimg, of which half are shown by twice the steps."""
    first, second = Device(clock, empty=True), Device(clock, empty=True)
    before, after = TrainingTimer(CPU, first), TrainingTimer(CPU, second)
    first.train(before, 200, seconds=0.02)
    after.load_state_dict(before.state_dict())
    after.begin_stage()
    assert after.costs() == before.costs()
    second.train(after, 200, seconds=0.06)
    costs = after.costs()
    assert costs["seconds_per_kimg"] == pytest.approx(0.04 / IMAGES * 1000)
    assert costs["seconds_per_kimg_error"] == pytest.approx(REPEATS * 0.04 / IMAGES * 1000)
    assert costs["measured_alone"] > before.costs()["measured_alone"]


# --- Lazy penalties ------------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("interval", [1, 2, 4, 15, 16, 17, 24, 32, 33, 48, 64, 100, 500])
def test_a_lazy_penalty_counts_once_in_its_interval_whatever_that_is(
    clock: Clock, interval: int, empty: bool
) -> None:
    """Alone on the device, and beside others, where few of its rounds are measured alone."""
    device = Device(clock, empty=empty)
    timer = TrainingTimer(CPU, device)
    device.train(timer, 3000, 0.03125, {"d/r1": (interval, 0.03136)})
    true = (0.03125 + 0.03136 / interval) / IMAGES * 1000
    assert timer.costs()["seconds_per_kimg"] == pytest.approx(true, rel=1e-6)
    assert median(timer.windows()) == pytest.approx(true)


@pytest.mark.parametrize("empty", [True, False])
def test_several_lazy_penalties_on_a_noisy_device(clock: Clock, empty: bool) -> None:
    errors = []
    for seed in range(20):
        device = Device(clock, empty=empty)
        device.noise = partial(np.random.default_rng(seed).normal, 1, 0.05)
        timer = TrainingTimer(CPU, device)
        device.train(timer, 2000, 0.02, {"d/r1": (64, 0.04), "g/path": (8, 0.03)})
        true = (0.02 + 0.04 / 64 + 0.03 / 8) / IMAGES * 1000
        errors.append(timer.costs()["seconds_per_kimg"] / true - 1)
    assert abs(mean(errors)) < 0.005
    assert max(map(abs, errors)) < 0.03


def test_a_lazy_penalty_of_a_run_without_a_measurement(clock: Clock) -> None:
    device = Device(clock)
    timer = TrainingTimer(CPU, device)
    device.train(timer, 5, 0.1, {"d/r1": (16, 0.08)})
    true = 3 * (0.1 + 0.08 / 16) / IMAGES * 1000
    assert timer.costs()["seconds_per_kimg"] == pytest.approx(true)
    assert timer.costs()["train_seconds"] == pytest.approx(3 * (5 * 0.1 + 0.08))


def test_a_resumed_timer_knows_its_lazy_penalties(clock: Clock) -> None:
    first, second = Device(clock), Device(clock)
    before, after = TrainingTimer(CPU, first), TrainingTimer(CPU, second)
    lazies = {"d/r1": (64, 0.5)}
    first.train(before, 500, 0.1, lazies)
    after.load_state_dict(before.state_dict())
    assert after.costs() == before.costs()
    second.trained = 1  # the next penalty is far away
    second.train(after, 30, 0.1, lazies)
    true = (0.1 + 0.5 / 64) / IMAGES * 1000
    assert after.costs()["seconds_per_kimg"] == pytest.approx(true)


def test_lazy_penalties_of_a_stage_are_of_its_own_rounds(clock: Clock) -> None:
    device = Device(clock, empty=True)
    timer = TrainingTimer(CPU, device)
    device.train(timer, 320, 0.1, {"d/r1": (32, 0.32)})
    timer.begin_stage()
    device.train(timer, 320, 0.2, {"d/r1": (32, 0.32)})
    assert timer.costs()["seconds_per_kimg"] == pytest.approx((0.11 + 0.21) / 2 / IMAGES * 1000)


# --- Load from outside ---------------------------------------------------------------------------


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> list[float]:
    """Of every stretch, the share of its time that other programs have; the last one is now."""
    shares = [0.0]

    def outside(_: torch.device) -> Callable[[], float]:
        started = clock.now
        return lambda: shares[-1] * (clock.now - started)

    monkeypatch.setattr(clock_module, "outside_load", outside)
    return shares


def test_a_disturbed_measurement_gives_way_to_one_that_was_alone(
    clock: Clock, load: list[float]
) -> None:
    device = Device(clock, empty=True)
    timer = TrainingTimer(CPU, device)
    device.train(timer, WARM_UP, 0.1)
    load.append(0.5)
    device.train(timer, 20 * MEASURED, 0.2)
    costs = timer.costs()
    assert costs["measured_alone"] == 0
    assert costs["outside_load"] == pytest.approx(0.5)
    assert costs["seconds_per_kimg"] == pytest.approx(0.2 / IMAGES * 1000)  # for want of better
    load.append(0.01)
    device.train(timer, 3 * MEASURED, 0.1)
    costs = timer.costs()
    assert costs["measured_alone"] >= 1
    assert costs["seconds_per_kimg"] == pytest.approx(0.1 / IMAGES * 1000)
    assert 0.4 < costs["outside_load"] < 0.5


def test_beside_others_a_disturbed_measurement_is_repeated(clock: Clock, load: list[float]) -> None:
    device = Device(clock)
    timer = TrainingTimer(CPU, device)
    load.append(0.5)
    device.train(timer, 100, 0.02)
    assert timer.costs()["measured_alone"] == 0
    load.append(0.0)
    device.train(timer, 400, 0.01)
    assert timer.costs()["measured_alone"] >= 1
    assert timer.costs()["seconds_per_kimg"] == pytest.approx(0.01 / IMAGES * 1000)


@pytest.mark.gpu
def test_on_a_gpu_a_lazy_penalty_counts_once_in_its_interval() -> None:
    gpu, cycles = torch.device("cuda"), 10**7
    timer, trained = TrainingTimer(gpu, Turns(gpu)), 0
    while trained < 200:
        with timer.stretch(200 - trained, IMAGES) as stretch:
            for _ in stretch:
                torch.cuda._sleep(cycles)
                if trained % 50 == 0:
                    with timer.lazily("d/r1", 50):
                        torch.cuda._sleep(25 * cycles)
                trained += 1
    plain = timer.windows()[0] / timer.costs()["seconds_per_kimg"]
    assert plain == pytest.approx(1, abs=0.05)
    assert timer.costs()["train_seconds"] == pytest.approx(
        timer.costs()["seconds_per_kimg"] * 200 * IMAGES / 1000, rel=0.05
    )
