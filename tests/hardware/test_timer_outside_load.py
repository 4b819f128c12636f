"""Measurements of the timer while programs outside the study use the cores."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from gansearch.hardware import clock as clock_module
from gansearch.hardware.timer import (
    MEASURED,
    WARM_UP,
    TrainingTimer,
)

CPU = torch.device("cpu")
IMAGES = 10  # of a round, as in conftest.py


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, clock, make_device) -> list[float]:
    """Shares of the time that other programs use; the last one holds now."""
    shares = [0.0]

    def outside(_: torch.device) -> Callable[[], float]:
        started = clock.now
        return lambda: shares[-1] * (clock.now - started)

    monkeypatch.setattr(clock_module, "outside_load", outside)
    return shares


def test_a_disturbed_measurement_is_replaced_by_an_undisturbed_one(
    make_device, load: list[float]
) -> None:
    device = make_device(empty=True)
    timer = TrainingTimer(CPU, device)
    device.train(timer, WARM_UP, 0.1)
    load.append(0.5)
    device.train(timer, 20 * MEASURED, 0.2)
    costs = timer.costs()
    assert costs["measured_alone"] == 0
    assert costs["outside_load"] == pytest.approx(0.5)
    assert costs["seconds_per_kimg"] == pytest.approx(
        0.2 / IMAGES * 1000
    )  # no undisturbed measurement
    load.append(0.01)
    device.train(timer, 3 * MEASURED, 0.1)
    costs = timer.costs()
    assert costs["measured_alone"] >= 1
    assert costs["seconds_per_kimg"] == pytest.approx(0.1 / IMAGES * 1000)
    assert 0.4 < costs["outside_load"] < 0.5


def test_a_disturbed_measurement_on_a_shared_device_is_repeated(
    make_device, load: list[float]
) -> None:
    device = make_device()
    timer = TrainingTimer(CPU, device)
    load.append(0.5)
    device.train(timer, 100, 0.02)
    assert timer.costs()["measured_alone"] == 0
    load.append(0.0)
    device.train(timer, 400, 0.01)
    assert timer.costs()["measured_alone"] >= 1
    assert timer.costs()["seconds_per_kimg"] == pytest.approx(0.01 / IMAGES * 1000)
