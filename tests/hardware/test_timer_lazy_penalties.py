"""Lazy penalties in the rate of the timer."""

from __future__ import annotations

from functools import partial
from statistics import mean, median

import numpy as np
import pytest
import torch

from gansearch.hardware.device import DeviceLock
from gansearch.hardware.timer import (
    TrainingTimer,
)

CPU = torch.device("cpu")
IMAGES = 10  # of a round, as in conftest.py


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("interval", [1, 2, 4, 15, 16, 17, 24, 32, 33, 48, 64, 100, 500])
def test_a_lazy_penalty_counts_once_in_its_interval(
    make_device, interval: int, empty: bool
) -> None:
    """On an empty device, and on a shared one, where few rounds are in exclusive turns."""
    device = make_device(empty=empty)
    timer = TrainingTimer(CPU, device)
    device.train(timer, 3000, 0.03125, {"d/r1": (interval, 0.03136)})
    true = (0.03125 + 0.03136 / interval) / IMAGES * 1000
    assert timer.costs()["seconds_per_kimg"] == pytest.approx(true, rel=1e-6)
    assert median(timer.windows()) == pytest.approx(true)


@pytest.mark.parametrize("empty", [True, False])
def test_several_lazy_penalties_are_counted_on_a_noisy_device(make_device, empty: bool) -> None:
    errors = []
    for seed in range(20):
        device = make_device(empty=empty)
        device.noise = partial(np.random.default_rng(seed).normal, 1, 0.05)
        timer = TrainingTimer(CPU, device)
        device.train(timer, 2000, 0.02, {"d/r1": (64, 0.04), "g/path": (8, 0.03)})
        true = (0.02 + 0.04 / 64 + 0.03 / 8) / IMAGES * 1000
        errors.append(timer.costs()["seconds_per_kimg"] / true - 1)
    assert abs(mean(errors)) < 0.005
    assert max(map(abs, errors)) < 0.03


def test_a_lazy_penalty_counts_in_a_run_without_a_measurement(make_device) -> None:
    device = make_device()
    timer = TrainingTimer(CPU, device)
    device.train(timer, 5, 0.1, {"d/r1": (16, 0.08)})
    true = 3 * (0.1 + 0.08 / 16) / IMAGES * 1000
    assert timer.costs()["seconds_per_kimg"] == pytest.approx(true)
    assert timer.costs()["train_seconds"] == pytest.approx(3 * (5 * 0.1 + 0.08))


def test_a_resumed_timer_keeps_the_times_of_lazy_penalties(make_device) -> None:
    first, second = make_device(), make_device()
    before, after = TrainingTimer(CPU, first), TrainingTimer(CPU, second)
    lazies = {"d/r1": (64, 0.5)}
    first.train(before, 500, 0.1, lazies)
    after.load_state_dict(before.state_dict())
    assert after.costs() == before.costs()
    second.trained = 1  # the next penalty is far away
    second.train(after, 30, 0.1, lazies)
    true = (0.1 + 0.5 / 64) / IMAGES * 1000
    assert after.costs()["seconds_per_kimg"] == pytest.approx(true)


def test_lazy_penalties_are_timed_relative_to_the_rounds_of_their_stage(make_device) -> None:
    device = make_device(empty=True)
    timer = TrainingTimer(CPU, device)
    device.train(timer, 320, 0.1, {"d/r1": (32, 0.32)})
    timer.begin_stage()
    device.train(timer, 320, 0.2, {"d/r1": (32, 0.32)})
    assert timer.costs()["seconds_per_kimg"] == pytest.approx((0.11 + 0.21) / 2 / IMAGES * 1000)


@pytest.mark.gpu
def test_on_a_gpu_a_lazy_penalty_counts_once_in_its_interval() -> None:
    gpu, cycles = torch.device("cuda"), 10**7
    timer, trained = TrainingTimer(gpu, DeviceLock(gpu)), 0
    while trained < 200:
        with timer.stretch(200 - trained, IMAGES) as stretch:
            for _ in stretch:
                torch.cuda._sleep(cycles)
                if trained % 50 == 0:
                    with timer.lazy_penalty("d/r1", 50):
                        torch.cuda._sleep(25 * cycles)
                trained += 1
    plain = timer.windows()[0] / timer.costs()["seconds_per_kimg"]
    assert plain == pytest.approx(1, abs=0.05)
    assert timer.costs()["train_seconds"] == pytest.approx(
        timer.costs()["seconds_per_kimg"] * 200 * IMAGES / 1000, rel=0.05
    )
