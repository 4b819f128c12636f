"""Training speed of a device, to compare times between kinds of devices."""

from __future__ import annotations

import platform
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gansearch.hardware.cache import store, stored
from gansearch.hardware.clock import DISTURBED, stopwatch
from gansearch.hardware.device import DeviceLock, device_name
from gansearch.hardware.load import outside_load
from gansearch.hardware.precision import tf32

CALIBRATION = "conv-2"
"""Name of the workload; it changes with the workload."""

# Wide enough that a step takes longer than its kernel launches.
_CHANNELS = {"cpu": 32, "cuda": 256}
_BATCH_SIZE, _RESOLUTION = 64, 32
_STEPS = 12


def device_speed(
    device: torch.device, lock: DeviceLock, precision: str = "float32"
) -> float | None:
    """Training speed of a device in billions of multiply-accumulates per second, above 0.

    The workload is the training step of a small network under Adam: two strided convolutions and a
    matrix product. It is fixed for each type of device. The fastest step counts. The measurement
    takes less than a second. The cache keeps it for each host, kind of device, precision, number of
    threads and version of PyTorch.

    Args:
        device: device to measure.
        lock: lock of the device; this process may hold no turn during the call.
        precision: training precision, as in ``compute.precision``.

    Returns:
        ``None`` if other programs disturbed every step or another process held a turn. The next
        call then measures again.
    """
    inputs = (
        CALIBRATION,
        precision,
        platform.node(),
        device_name(device),
        str(torch.get_num_threads()),
        torch.__version__,
    )
    known = stored("calibration", inputs)
    if known is None:
        with lock.for_measurement(exclusive=True) as was_exclusive:
            speed = _measure(device, precision)
            if speed is None or not was_exclusive():
                return None
        store("calibration", inputs, known := {"speed": np.array(speed)})
    return float(known["speed"])


def _measure(device: torch.device, precision: str) -> float | None:
    channels = _CHANNELS.get(device.type, _CHANNELS["cuda"])
    with torch.random.fork_rng([device] if device.type == "cuda" else []), device:
        network = nn.Sequential(
            nn.Conv2d(3, channels, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * channels * (_RESOLUTION // 4) ** 2, 1),
        )
        images = torch.randn(_BATCH_SIZE, 3, _RESOLUTION, _RESOLUTION)
    optimiser = torch.optim.Adam(network.parameters(), fused=True)

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            out = network(images)
        out.float().square().mean().backward()
        optimiser.step()

    with tf32(allowed=precision == "tf32"):
        with FlopCounterMode(display=False) as counter:
            step()
        quiet = [seconds for seconds in (_timed(step, device) for _ in range(_STEPS)) if seconds]
    operations: int = counter.get_total_flops()  # two per multiply-accumulate
    return operations / 2e9 / min(quiet) if quiet else None


def _timed(step: Callable[[], None], device: torch.device) -> float | None:
    """Seconds of one step, or ``None`` if other programs disturbed it."""
    outside_seconds, elapsed = outside_load(device), stopwatch(device)
    step()
    seconds = elapsed()
    return seconds if outside_seconds() <= DISTURBED * seconds else None
