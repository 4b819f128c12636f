"""Step time of projgan at 32 pixels against the same network in torch-mimicry and StudioGAN.

A round is d_steps updates of D and one of G at one batch size, on random images and labels that lie
in memory; each side makes it with its own training step, losses and Adam. The sides take turns
within one run, so that what else the machine does falls on all of them. torch-mimicry upsamples
bilinearly, the paper and gansearch by nearest neighbours, so it is measured both ways; in the
second form its weights are copied into gansearch's networks first, and both must then give the same
images and logits.

Theirs is no part of gansearch: name checkouts of https://github.com/kwotsin/mimicry, where it is
cGAN-PD 32, and of https://github.com/POSTECH-CVLab/PyTorch-StudioGAN (mimicry.py, studiogan.py).

    python benchmarks/step_time.py --mimicry MIMICRY --studiogan STUDIOGAN [--rounds 3]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import mimicry
import studiogan
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gansearch.config import ComputeConfig
from gansearch.data.batch import Batch, ImageSpec
from gansearch.train.compute import Compute
from gansearch.train.updater import Updater
from gansearch.variants.catalog import CATALOG

TABLE = Path(__file__).parent / "results" / "step_time.md"
SPEC = ImageSpec(channels=3, resolution=32, classes=10)
THEIRS, NEAREST, OURS = "torch-mimicry", "torch-mimicry, nearest neighbours", "gansearch"
STUDIO = "PyTorch-StudioGAN"


class Cost(NamedTuple):
    """Of one round, in seconds."""

    cpu: float
    wall: float


class Side(NamedTuple):
    """One implementation: a round over a fresh batch for each update, and its networks."""

    round: Callable[[list[Batch]], None]
    generator: Any  # a module
    discriminator: Any


# --- The sides -----------------------------------------------------------------------------------


def theirs(modules: mimicry.Mimicry, *, nearest: bool) -> Side:
    networks = mimicry.networks(modules, SPEC.classes)
    return Side(mimicry.round_of(modules, *networks, nearest=nearest), *networks)


def studios(checkout: Path) -> Side:
    networks = studiogan.networks(checkout, SPEC)
    return Side(studiogan.round_of(*networks, SPEC.classes), *networks)


def ours() -> Side:
    entry = CATALOG["projgan"]
    variant = entry.load()(entry.settings(), SPEC).train()
    Compute(ComputeConfig(), torch.device("cpu")).apply(variant)
    updaters = {name: Updater(variant, player) for name, player in variant.players.items()}

    def step(batches: list[Batch]) -> None:
        players = [*["d"] * (len(batches) - 1), "g"]
        for player, batch in zip(players, batches, strict=True):
            for name, updater in updaters.items():
                updater.require_grad(name == player)
            updaters[player].step(batch, 0.0)

    return Side(step, variant.generator, variant.discriminator)


# --- The same network ----------------------------------------------------------------------------


@torch.no_grad()
def copy_weights(source: Side, target: Side) -> None:
    g, d, blocks = source.generator, source.discriminator, target.generator.blocks
    pairs: list[tuple[Any, Any]] = [
        (g.l1, target.generator.stem[0]),
        (g.b5, target.generator.image[0]),
        (g.c5, target.generator.image[2]),
        (d.l5, target.discriminator.linear),
        (d.l_y, target.discriminator.embedding),
    ]
    for theirs, ours in zip((g.block2, g.block3, g.block4), blocks, strict=True):
        for batch_norm, conditional in ((theirs.b1, ours.norm1), (theirs.b2, ours.norm2)):
            gain, bias = batch_norm.embed.weight.chunk(2, dim=1)
            conditional.gain.weight.copy_(gain - 1)
            conditional.bias.weight.copy_(bias)
            conditional.norm.load_state_dict(batch_norm.bn.state_dict())
        pairs += [
            (theirs.c1, ours.conv1.conv),
            (theirs.c2, ours.conv2),
            (theirs.c_sc, ours.shortcut.conv),
        ]
    blocks = target.discriminator.features.blocks
    for theirs, ours in zip((d.block1, d.block2, d.block3, d.block4), blocks, strict=True):
        pairs += [(theirs.c1, ours.conv1), (theirs.c2, getattr(ours.conv2, "conv", ours.conv2))]
        if hasattr(theirs, "c_sc"):
            pairs.append((theirs.c_sc, ours.shortcut.conv))
    for theirs, ours in pairs:
        ours.load_state_dict(parametrized(theirs.state_dict()))


def parametrized(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A layer's state as torch's present spectral norm keeps it.

    torch-mimicry has convolutions under torch's former one, and linear layers under its own, which
    iterates once more before it uses a weight, in evaluation too.
    """
    stem = "parametrizations.weight"
    if "weight_orig" in state:
        names = {"weight_orig": f"{stem}.original", "weight_u": f"{stem}.0._u"}
        names |= {"weight_v": f"{stem}.0._v", "bias": "bias"}
        return {names[name]: value for name, value in state.items()}
    if "sn_u" in state:
        weight = state["weight"]
        v = F.normalize(state["sn_u"][0] @ weight, dim=0)
        norm = {f"{stem}.0._u": F.normalize(weight @ v, dim=0), f"{stem}.0._v": v}
        bias = {name: value for name, value in state.items() if name == "bias"}
        return {f"{stem}.original": weight, **norm, **bias}
    return state


@torch.no_grad()
def largest_difference(source: Side, target: Side) -> float:
    """Of images and logits, relative to the largest of each, by networks of the same weights.

    torch-mimicry's first ReLU of a block works in place, so that its shortcuts see no negative
    values; the paper's do. For the comparison it does not.
    """
    activations = [m for m in source.discriminator.modules() if isinstance(m, nn.ReLU)]
    for activation in activations:
        activation.inplace = False
    for _ in range(30):  # its norms start from random vectors and no iteration
        source.discriminator(torch.randn(2, 3, 32, 32), torch.arange(2))
    copy_weights(source, target)
    networks = [network.eval() for side in (source, target) for network in side[1:]]
    z, labels = torch.randn(8, 128), torch.arange(8)
    conditions = [labels] * 3
    images = networks[0](z, labels), networks[2](z, conditions)
    logits = networks[1](images[0], labels).squeeze(1), networks[3](images[0], labels)
    for network in networks:
        network.train()
    for activation in activations:
        activation.inplace = True
    return max(float((a - b).abs().max() / a.abs().max()) for a, b in (images, logits))


# --- Measuring -----------------------------------------------------------------------------------


def measure(sides: dict[str, Side], args: argparse.Namespace) -> dict[str, list[Cost]]:
    shape = (args.batch_size, SPEC.channels, SPEC.resolution, SPEC.resolution)
    batches = [
        Batch(torch.rand(shape) * 2 - 1, torch.randint(SPEC.classes, (args.batch_size,)))
        for _ in range(args.d_steps + 1)
    ]
    for side in sides.values():
        side.round(batches[-2:])  # allocations and the library's choice of kernels
    costs: dict[str, list[Cost]] = {name: [] for name in sides}
    for index in range(args.rounds):
        names = list(sides)
        for name in names[index % len(names) :] + names[: index % len(names)]:
            cpu, wall = time.process_time(), time.perf_counter()
            sides[name].round(batches)
            costs[name].append(Cost(time.process_time() - cpu, time.perf_counter() - wall))
            print(f"round {index + 1}, {name}: {costs[name][-1].cpu:.2f} CPU s", flush=True)
    return costs


def table(costs: dict[str, list[Cost]], difference: float, args: argparse.Namespace) -> str:
    counts = [sum(p.numel() for p in network.parameters()) for network in ours()[1:]]
    lines = [
        "# Step time of projgan at 32 pixels",
        "",
        f"{args.d_steps} updates of D and one of G at batch {args.batch_size}, "
        f"{args.rounds} rounds a side, interleaved; medians. {os.cpu_count()} cores "
        f"({platform.machine()}), {args.threads} thread(s), Python {platform.python_version()}, "
        f"PyTorch {torch.__version__}. Not measured on a GPU.",
        "",
        "Command: `python benchmarks/step_time.py --mimicry MIMICRY --studiogan STUDIOGAN "
        f"--rounds {args.rounds} "
        f"--threads {args.threads} --batch-size {args.batch_size} --d-steps {args.d_steps}`",
        "",
        "| side | CPU s a round | wall s a round | ours / theirs, CPU | ours / theirs, wall |",
        "|---|---|---|---|---|",
    ]
    for name, rows in costs.items():
        medians = [statistics.median(column) for column in zip(*rows, strict=True)]
        ratios = [
            statistics.median(a[i] / b[i] for a, b in zip(costs[OURS], rows, strict=True))
            for i in range(2)
        ]
        cells = [f"{value:.2f}" for value in (*medians, *ratios)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        f"Every side has {counts[0]:,} parameters in G and {counts[1]:,} in D. With "
        "torch-mimicry's weights, nearest neighbours and shortcuts that see what the paper's see, "
        f"gansearch's networks give its images and logits to {difference:.0e} of the largest.",
        "",
        "PyTorch-StudioGAN's is its CIFAR10/SNGAN.yaml; its step is its worker's, told again.",
        "",
        "Ours saves: convolutions folded with the doubling before and the mean after them; no "
        "gradients of D's weights in G's step and no graph of G in D's; one spectral norm an "
        "update; memory laid out channels last; fused Adam.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mimicry", type=Path, required=True, help="its checkout")
    parser.add_argument("--studiogan", type=Path, required=True, help="its checkout")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--d-steps", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    modules = mimicry.import_mimicry(args.mimicry)
    sides = {
        THEIRS: theirs(modules, nearest=False),
        NEAREST: theirs(modules, nearest=True),
        STUDIO: studios(args.studiogan),
        OURS: ours(),
    }
    for network in ("generator", "discriminator"):
        counts = {sum(p.numel() for p in getattr(s, network).parameters()) for s in sides.values()}
        if len(counts) != 1:
            sys.exit(f"the {network}s differ in size: {counts}")
    modules.upsample(nearest=True)
    difference = largest_difference(sides[NEAREST], sides[OURS])
    if difference > 1e-4:
        sys.exit(f"the networks differ: {difference:.1e} with the same weights")
    text = table(measure(sides, args), difference, args)
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(text)
    print(f"\n{text}\nwritten to {TABLE}")


if __name__ == "__main__":
    main()
