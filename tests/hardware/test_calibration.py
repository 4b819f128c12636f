"""A device's training speed, in the precision of the run and in exclusive turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from gansearch.hardware import calibration
from gansearch.hardware.calibration import device_speed
from gansearch.hardware.device import DeviceLock

CPU = torch.device("cpu")


class FixedLock(DeviceLock):
    """A lock whose turns for measurements are all exclusive, or all shared."""

    def __init__(self, is_exclusive: bool) -> None:
        self._is_exclusive = is_exclusive

    @contextmanager
    def for_measurement(self, *, exclusive: bool) -> Iterator[Callable[[], bool]]:
        assert exclusive
        yield lambda: self._is_exclusive


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Use an empty cache, without other programs."""
    monkeypatch.setenv("GANSEARCH_CACHE", str(tmp_path))
    monkeypatch.setattr(calibration, "outside_load", lambda _: lambda: 0.0)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The precisions that were measured; each measurement has another result."""
    precisions: list[str] = []

    def measure(_: torch.device, precision: str) -> float:
        precisions.append(precision)
        return float(len(precisions))

    monkeypatch.setattr(calibration, "_measure", measure)
    return precisions


def test_the_speed_is_measured_once_for_each_precision(measured: list[str]) -> None:
    alone = FixedLock(True)
    assert [device_speed(CPU, alone, "float32") for _ in range(3)] == [1.0] * 3
    assert [device_speed(CPU, alone, "bfloat16") for _ in range(3)] == [2.0] * 3
    assert measured == ["float32", "bfloat16"]


def test_a_speed_measured_in_a_shared_turn_is_not_stored(measured: list[str]) -> None:
    assert device_speed(CPU, FixedLock(False)) is None
    assert device_speed(CPU, FixedLock(True)) == 2.0
    assert device_speed(CPU, FixedLock(False)) == 2.0  # known by now


def test_steps_that_other_programs_disturbed_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = iter([1.0] * 12 + [1.0] * 11 + [0.0])
    monkeypatch.setattr(calibration, "outside_load", lambda _: lambda: next(waits))
    assert device_speed(CPU, FixedLock(True)) is None
    assert (device_speed(CPU, FixedLock(True)) or 0) > 0


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_the_workload_computes_in_the_precision_of_the_run(
    monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    seen = set()
    convolution = torch.nn.Conv2d.forward

    def forward(self: torch.nn.Conv2d, images: torch.Tensor) -> torch.Tensor:
        out = convolution(self, images)
        flags = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
        seen.add((*flags, out.dtype))
        return out

    monkeypatch.setattr(torch.nn.Conv2d, "forward", forward)
    before = torch.backends.cudnn.allow_tf32
    device_speed(CPU, FixedLock(True), precision)
    allowed = precision == "tf32"
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    assert seen == {(allowed, allowed, dtype)}
    assert torch.backends.cudnn.allow_tf32 == before


@pytest.mark.gpu
def test_on_a_gpu_tf32_is_faster_than_float32() -> None:
    gpu = torch.device("cuda")
    speeds = {p: device_speed(gpu, DeviceLock(gpu), p) for p in ("float32", "tf32")}
    assert 0 < speeds["float32"] < speeds["tf32"]  # type: ignore[operator]
