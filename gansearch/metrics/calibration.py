"""How fast a device trains, so that times on two kinds of devices can be compared."""

from __future__ import annotations

import platform

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gansearch.metrics.cache import cached
from gansearch.metrics.clock import stopwatch
from gansearch.metrics.device import Turns, device_name

CALIBRATION = "conv-1"
"""Names the workload; a changed one has another name."""

_CHANNELS = {"cpu": 32, "cuda": 256}  # enough work for a step to last longer than its launches
_BATCH_SIZE, _RESOLUTION = 64, 32
_STEPS = 12


def device_speed(device: torch.device, turns: Turns) -> float:
    """Billions of multiply-accumulates a second in training steps of a small network, above 0.

    The network is two strided convolutions and a matrix product under Adam, always the same for a
    type of device; its fastest step counts. It is measured once for each kind of device of a host,
    number of threads and version of PyTorch, alone, in less than a second; then the cache knows.

    Args:
        device: that is measured.
        turns: of this process on it; none of them is held now.
    """
    inputs = (
        CALIBRATION,
        platform.node(),
        device_name(device),
        str(torch.get_num_threads()),
        torch.__version__,
    )

    def measure() -> dict[str, np.ndarray]:
        with turns.measured(alone=True):
            return {"speed": np.array(_measure(device))}

    return float(cached("calibration", inputs, measure)["speed"])


def _measure(device: torch.device) -> float:
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
        network(images).square().mean().backward()
        optimiser.step()

    with FlopCounterMode(display=False) as counter:
        step()
    seconds = []
    for _ in range(_STEPS):
        elapsed = stopwatch(device)
        step()
        seconds.append(elapsed())
    operations: int = counter.get_total_flops()  # two for each multiply-accumulate
    return operations / 2e9 / min(seconds)
