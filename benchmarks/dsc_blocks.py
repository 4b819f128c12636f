"""Depthwise-separable convolution against dense, block by block of Projected GAN at 256 pixels.

A forward and a backward pass in training mode of each block of the generator, each skip-layer
excitation (SLE) and each head of the discriminator: dense and separable in turns, so that what else
the machine does falls on both. On the GPU where there is one, on one thread of the CPU otherwise.

    python benchmarks/dsc_blocks.py [--rounds 3] [--batch 1 on the CPU, 16 on a GPU]
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

from gansearch.config import ComputeConfig
from gansearch.hardware.clock import stopwatch
from gansearch.hardware.load import outside_load
from gansearch.nn.conv import ConvFactory
from gansearch.nn.fastgan import EXCITATION, Excitation, UpBlock, widths
from gansearch.settings import Dsc
from gansearch.train.compute import FORMATS
from gansearch.train.profiling.blocks import BlockCost, measure
from gansearch.variants.projected.projected_gan import LARGEST, WIDTHS, Head

TABLE = Path(__file__).parent / "results" / "dsc_blocks.md"
RESOLUTION = 256
G_CHANNELS, D_CHANNELS = 128, 64
ORDER = FORMATS[ComputeConfig().memory_format]
"""Of memory, as in training."""
FORMS = {"dense": Dsc(), "separable": Dsc(where="both")}

SMALL_BATCH = 8
"""Below it a CPU spends most of a block's time reading weights."""

Build = Callable[[ConvFactory], nn.Module]
Shape = tuple[int, int, int]
"""Channels, height and width."""


@dataclass(frozen=True)
class Block:
    """A measured block: its constructor and the shapes of its inputs."""

    name: str
    network: str
    build: Build
    inputs: tuple[Shape, ...]


def blocks() -> Iterator[Block]:
    width = widths(G_CHANNELS, RESOLUTION)
    for (below, cin), (r, cout) in pairwise(width.items()):
        build = partial(UpBlock, cin=cin, cout=cout, resolution=r, size="big")
        yield Block(f"up {cin} → {cout}, {r} px", "generator", build, ((cin, below, below),))
    for r in (r for r in width if r // EXCITATION in width):
        small, cin, cout = r // EXCITATION, width[r // EXCITATION], width[r]
        build = partial(Excitation, cin=cin, cout=cout)
        inputs = ((cin, small, small), (cout, r, r))
        yield Block(f"SLE {cin} → {cout}, {small} → {r} px", "generator", build, inputs)
    for scale in range(4):
        side = LARGEST >> scale
        channels = [D_CHANNELS * w for w in WIDTHS[scale:]]
        build = partial(Head, widths=channels, side=side)
        name = f"head {channels[0]} → {channels[-1]}, {side} → 8 px"
        yield Block(name, "discriminator", build, ((channels[0], side, side),))


def measured(block: Block, batch: int, rounds: int, device: torch.device) -> dict[str, BlockCost]:
    with device:
        inputs = [torch.randn(batch, *shape).to(memory_format=ORDER) for shape in block.inputs]
        modules = {
            form: block.build(ConvFactory(dsc, block.network)).to(memory_format=ORDER)
            for form, dsc in FORMS.items()
        }
    return measure(modules, inputs, rounds)


def report(
    rows: dict[str, dict[str, BlockCost]],
    batch: int,
    rounds: int,
    device: torch.device,
    load: float,
) -> str:
    machine = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"one thread of {os.cpu_count()} cores ({platform.machine()}); not measured on a GPU"
    )
    lines = [
        "# Depthwise-separable convolution against dense, block by block",
        "",
        f"Projected GAN at {RESOLUTION} pixels: a forward and a backward pass in training mode, "
        f"float32, {ComputeConfig().memory_format}, batch of {batch}, median of {rounds}; "
        f"{machine}, Python {platform.python_version()}, PyTorch {torch.__version__}.",
        "",
        f"Command: `python benchmarks/dsc_blocks.py --rounds {rounds} --batch {batch}`",
        "",
        "| block | params, M | separable | ratio | GMACs | separable | ratio | ms | separable "
        "| ratio |",
        "|---" * 10 + "|",
    ]
    for name, costs in rows.items():
        dense, lean = (costs[form] for form in FORMS)
        cells = [
            *compared(dense.params / 1e6, lean.params / 1e6, 3),
            *compared(dense.gmacs, lean.gmacs, 4),
            *compared(dense.milliseconds, lean.milliseconds, 1),
        ]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join([*lines, "", *caveats(batch, device, load), ""])


def caveats(batch: int, device: torch.device, load: float) -> list[str]:
    """Notes for readers of the milliseconds, a paragraph each."""
    if device.type == "cuda":
        return []
    small = (
        f"At a batch of {batch} a block with many weights and few pixels spends its time moving "
        "the weights, of which a separable one has fewer: these ratios are of memory traffic, and "
        "do not say what training at a usual batch gains.",
        "",
    )
    busy = f"Other programs had the core for {100 * load:.0f} % of the measurement's time."
    return [*(small if batch < SMALL_BATCH else ()), busy]


def compared(dense: float, lean: float, digits: int) -> tuple[str, str, str]:
    return f"{dense:.{digits}f}", f"{lean:.{digits}f}", f"{dense / lean:.1f}"


def main() -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16 if device.type == "cuda" else 1)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    lost, elapsed = outside_load(device), stopwatch(device)
    rows = {b.name: measured(b, chosen.batch, chosen.rounds, device) for b in blocks()}
    text = report(rows, chosen.batch, chosen.rounds, device, lost() / elapsed())
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
