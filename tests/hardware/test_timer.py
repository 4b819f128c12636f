from __future__ import annotations

from itertools import accumulate, pairwise
from math import hypot
from statistics import median

import numpy as np
import pytest
import torch

from gansearch.hardware import timer as timer_module
from gansearch.hardware.device import DeviceLock
from gansearch.hardware.scatter import REPEAT_DEVIATION, SHARED_ERROR
from gansearch.hardware.timer import (
    MEASURED,
    MEASURING_SHARE,
    SETTLING,
    SPACING,
    WARM_UP,
    TrainingTimer,
)

CPU = torch.device("cpu")
IMAGES = 10  # of a round, as in conftest.py


def test_other_processes_count_in_the_seconds_and_not_in_the_rate(device) -> None:
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
    alone = sum(device.exclusive_rounds)
    assert costs["seconds_per_kimg"] == pytest.approx(0.02 / IMAGES * 1000)
    assert costs["train_seconds"] == pytest.approx(0.02 * (alone + 3 * (200 - alone)))
    assert costs["measured_alone"] >= 1


def test_without_other_processes_every_stretch_is_measured_in_shared_turns(make_device) -> None:
    device = make_device(empty=True)
    timer = TrainingTimer(CPU, device)
    device.train(timer, WARM_UP, seconds=9.0)
    for seconds in (0.02, 0.04, 0.04, 0.04, 0.9):
        device.train(timer, 20 * MEASURED, seconds)
    assert timer.costs()["seconds_per_kimg"] == pytest.approx(0.04 / IMAGES * 1000)
    assert timer.costs()["measured_alone"] > 50
    assert sum(device.asked) <= 3  # several, because the rounds of the warm-up were long


def test_the_first_rounds_of_a_process_are_not_measured(device) -> None:
    timer = TrainingTimer(CPU, device)
    device.train(timer, 1, seconds=50.0)  # compilation
    device.train(timer, WARM_UP - 1, seconds=0.02)
    assert not device.exclusive_rounds
    assert timer.costs()["warmup_seconds"] == timer.costs()["train_seconds"]
    device.train(timer, 50, seconds=0.02)
    assert timer.costs()["seconds_per_kimg"] == pytest.approx(2.0)
    assert timer.costs()["warmup_seconds"] == pytest.approx(3 * (50 + 0.02 * (WARM_UP - 1)))


def test_the_rate_is_the_median_of_measurements_at_geometric_intervals(device) -> None:
    timer = TrainingTimer(CPU, device)
    device.clock.now += 1e6  # any number of measurements is affordable
    device.train(timer, 100, seconds=0.01)
    device.train(timer, 20_000, seconds=0.02)
    ends = list(accumulate(count for _, count in device.stretches))
    spans = [
        (end - count, end)
        for end, (exclusive, count) in zip(ends, device.stretches, strict=True)
        if exclusive
    ]
    assert timer.costs()["measured_alone"] == len(spans) > 10
    assert timer.costs()["seconds_per_kimg"] == pytest.approx(0.02 / IMAGES * 1000)
    for (_, before), (after, _) in pairwise(spans):
        assert after >= SPACING * before - 1
        assert after <= SPACING * before + 25  # the stretch that was under way


def test_exclusive_turns_and_waiting_take_a_small_share_of_the_time(clock, make_device) -> None:
    device = make_device(waits=0.5)
    timer = TrainingTimer(CPU, device)
    born = clock.now
    device.train(timer, 20_000, seconds=0.01)
    spent = device.waited_seconds + 0.01 * sum(device.exclusive_rounds)
    one = 0.5 + 0.01 * (SETTLING + MEASURED)
    assert len(device.exclusive_rounds) > 1
    assert spent <= MEASURING_SHARE * (clock.now - born) + one + 1e-6


def test_cold_caches_count_in_the_seconds_and_not_in_the_rate(
    make_device,
) -> None:
    device = make_device(cold=0.01)
    timer = TrainingTimer(CPU, device)
    for _ in range(100):  # windows that a measurement does not fit into
        device.train(timer, MEASURED - 1, seconds=0.01)
    costs = timer.costs()
    assert costs["measured_alone"] > 1
    assert costs["seconds_per_kimg"] == pytest.approx(0.01 / IMAGES * 1000)
    assert costs["train_seconds"] == pytest.approx(
        sum(
            count * 0.01 * (1 if exclusive else 3) + exclusive * min(count, SETTLING) * 0.01
            for exclusive, count in device.stretches
        )
    )


def test_a_measurement_continues_until_it_has_enough_rounds(device) -> None:
    timer = TrainingTimer(CPU, device)
    device.train(timer, WARM_UP, seconds=0.4)
    for seconds in (0.4, 0.6) * (MEASURED // 2):  # windows of a single round
        device.train(timer, 1, seconds)
    assert device.exclusive_rounds == [1] * MEASURED
    assert timer.costs()["measured_alone"] == 1
    assert timer.costs()["seconds_per_kimg"] == pytest.approx(0.5 / IMAGES * 1000)


def test_stretches_are_short_so_that_other_processes_get_their_turn(device) -> None:
    timer = TrainingTimer(CPU, device)
    device.train(timer, 2000, seconds=0.01)
    beside = [count for exclusive, count in device.stretches if not exclusive]
    assert max(beside) * 0.01 <= 0.25  # the last rounds may have been exclusive
    assert median(beside) * 0.03 <= 0.25
    assert max(device.exclusive_rounds) * 0.01 <= 1.0


def test_a_stretch_of_long_rounds_has_a_single_round(device) -> None:
    timer = TrainingTimer(CPU, device)
    device.train(timer, WARM_UP + MEASURED, seconds=9.0)
    assert {count for _, count in device.stretches} == {1}
    assert timer.costs()["measured_alone"] == 1


def test_a_run_too_short_for_a_measurement_has_the_rate_of_all_its_rounds(device) -> None:
    timer = TrainingTimer(CPU, device)
    device.train(timer, 5, seconds=0.1)
    costs = timer.costs()
    assert costs["measured_alone"] == 0
    assert costs["seconds_per_kimg"] == pytest.approx(3 * 0.1 / IMAGES * 1000)


def test_a_run_without_an_exclusive_turn_reports_no_measurement(make_device) -> None:
    device = make_device(granted=False)
    timer = TrainingTimer(CPU, device)
    device.train(timer, 1000, seconds=0.1)
    costs = timer.costs()
    assert costs["measured_alone"] == 0
    assert costs["seconds_per_kimg"] == pytest.approx(3 * 0.1 / IMAGES * 1000)


def test_a_stretch_that_raises_counts_in_the_seconds_and_not_in_the_rate(device) -> None:
    timer = TrainingTimer(CPU, device)

    def diverge() -> None:
        with timer.stretch(500, IMAGES):
            device.clock.now += 3
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        diverge()
    assert timer.costs()["train_seconds"] == 3
    assert "seconds_per_kimg" not in timer.costs()


def test_a_resumed_timer_continues(make_device) -> None:
    first, second = make_device(waits=0.25), make_device(waits=0.25)
    before, after = TrainingTimer(CPU, first), TrainingTimer(CPU, second)
    first.train(before, 100, seconds=0.1)
    state = before.state_dict()
    after.load_state_dict(state)
    assert after.costs() == before.costs()
    second.train(after, 100, seconds=0.5)
    assert not any(exclusive for exclusive, _ in second.stretches[:WARM_UP])  # its own first rounds
    assert after.costs()["measured_alone"] > before.costs()["measured_alone"]
    assert after.costs()["waiting_seconds"] == first.waited_seconds + second.waited_seconds
    assert after.costs()["train_seconds"] > before.costs()["train_seconds"]
    assert before.state_dict() == state


def test_another_kind_of_device_is_measured_again(make_device, monkeypatch) -> None:
    device = make_device()
    before, after = TrainingTimer(CPU, device), TrainingTimer(CPU, device)
    device.train(before, 100, seconds=0.1)
    state = before.state_dict()
    monkeypatch.setattr(timer_module, "device_name", lambda _: "another")
    after.load_state_dict(state)
    assert after.costs()["measured_alone"] == 0
    device.train(after, 100, seconds=0.5)
    assert after.costs()["seconds_per_kimg"] == pytest.approx(0.5 / IMAGES * 1000)


@pytest.mark.gpu
def test_on_a_gpu_events_are_the_clock() -> None:
    gpu = torch.device("cuda")
    timer = TrainingTimer(gpu, DeviceLock(gpu))
    with timer.stretch(1, IMAGES):
        torch.cuda._sleep(10**9)  # cycles; the host does not wait
    assert timer.costs()["train_seconds"] > 0.1


def test_the_error_of_equal_measurements_is_that_between_processes(device) -> None:
    timer = TrainingTimer(CPU, device)
    device.train(timer, 200, seconds=0.02)
    costs = timer.costs()
    assert costs["seconds_per_kimg_error"] == pytest.approx(
        REPEAT_DEVIATION * costs["seconds_per_kimg"]
    )
    beside = costs["train_seconds"] - 0.02 * 200  # time of the other processes' work
    assert costs["train_seconds_error"] == pytest.approx(
        hypot(REPEAT_DEVIATION * 0.02 * 200, beside), rel=1e-6
    )


def test_the_error_equals_the_deviation_of_medians_of_normal_measurements(make_device) -> None:
    random, medians, errors = np.random.default_rng(0), [], []
    for _ in range(100):
        device = make_device(empty=True)
        timer = TrainingTimer(CPU, device)
        device.train(timer, WARM_UP, seconds=0.02)
        for _ in range(25):  # each a measurement
            device.train(timer, MEASURED, seconds=0.02 * (1 + 0.3 * random.normal()))
        costs = timer.costs()
        assert costs["measured_alone"] >= 20
        medians.append(costs["seconds_per_kimg"])
        errors.append(costs["seconds_per_kimg_error"])
    windows = np.sqrt(np.square(errors) - np.square(REPEAT_DEVIATION * np.array(medians)))
    assert windows.mean() == pytest.approx(np.std(medians), rel=0.2)


def test_a_rate_without_exclusive_turns_has_an_error_of_half(make_device) -> None:
    device = make_device(granted=False)
    timer = TrainingTimer(CPU, device)
    device.train(timer, 1000, seconds=0.1)
    costs = timer.costs()
    assert costs["seconds_per_kimg_error"] == pytest.approx(
        SHARED_ERROR * costs["seconds_per_kimg"]
    )
    assert "seconds_per_kimg_error" not in TrainingTimer(CPU, device).costs()


def test_the_rate_of_a_run_with_stages_is_the_mean_over_all_images(make_device) -> None:
    """Half of the images take 2 seconds per kimg and half 6."""
    first, second = make_device(empty=True), make_device(empty=True)
    before, after = TrainingTimer(CPU, first), TrainingTimer(CPU, second)
    first.train(before, 200, seconds=0.02)
    after.load_state_dict(before.state_dict())
    after.begin_stage()
    assert after.costs() == before.costs()
    second.train(after, 200, seconds=0.06)
    costs = after.costs()
    assert costs["seconds_per_kimg"] == pytest.approx(0.04 / IMAGES * 1000)
    assert costs["seconds_per_kimg_error"] == pytest.approx(REPEAT_DEVIATION * 0.04 / IMAGES * 1000)
    assert costs["measured_alone"] > before.costs()["measured_alone"]


def test_on_another_kind_of_device_earlier_stages_keep_their_relative_times(
    make_device, monkeypatch
) -> None:
    """The first device takes 2 and 6 seconds per kimg, the second 3 in the second stage."""
    first, second = make_device(empty=True), make_device(empty=True)
    before, after = TrainingTimer(CPU, first), TrainingTimer(CPU, second)
    first.train(before, 200, seconds=0.02)
    before.begin_stage()
    first.train(before, 100, seconds=0.06)
    state = before.state_dict()
    monkeypatch.setattr(timer_module, "device_name", lambda _: "another")
    after.load_state_dict(state)
    assert after.costs()["measured_alone"] == 0
    second.train(after, 100, seconds=0.03)
    resumed = TrainingTimer(CPU, second)
    resumed.load_state_dict(after.state_dict())
    for timer in (after, resumed):
        costs = timer.costs()
        assert costs["measured_alone"] > 0
        assert costs["seconds_per_kimg"] == pytest.approx((1 + 3) / 2)
        # The ratio of the devices' rates has the error of the measured rate.
        assert costs["seconds_per_kimg_error"] == pytest.approx(REPEAT_DEVIATION * (2 + 3) / 2)
    after.begin_stage()
    second.train(after, 400, seconds=0.05)
    assert after.costs()["seconds_per_kimg"] == pytest.approx((1 + 3 + 5 + 5) / 4)
