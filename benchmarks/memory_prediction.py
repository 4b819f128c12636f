"""Predicted against measured peak memory, for every variant.

Each case is trained for a few rounds in a process of its own on one thread of the CPU, after its
prediction, as in a trial. The first trial of each shipped space is small: there libraries and the
allocator's own needs count as much as the networks. The same trial on larger images and batches is
what a prediction is for.

    python benchmarks/memory_prediction.py [--rounds 2]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from gansearch.config import TrainConfig
from gansearch.data import load_images
from gansearch.space import load_space
from gansearch.train.prediction import ALLOCATORS, predict_memory
from gansearch.train.trainer import Trainer
from gansearch.variants.catalog import CATALOG

TABLE = Path(__file__).parent / "results" / "memory_prediction.md"
SPACES = Path(__file__).parents[1] / "search_spaces"
LARGE = {"resolution": 32, "batch_size": 64}
"""Of the larger case."""
CPU = torch.device("cpu")


def config_of(variant: str, size: str) -> TrainConfig:
    space = load_space(SPACES / f"{variant}.yaml")
    config = space.train_config(space.defaults()[0], 0)
    if size == "large":
        settings = config.settings.model_copy(update={"batch_size": LARGE["batch_size"]})
        data = config.data.model_copy(update={"resolution": LARGE["resolution"]})
        config = config.model_copy(update={"settings": settings, "data": data})
    return config


def run_case(variant: str, size: str, rounds: int) -> dict[str, float]:
    """In this process, which is to be fresh: MiB predicted and measured."""
    torch.set_num_threads(1)
    config = config_of(variant, size)
    images = load_images(config.data)
    predicted = predict_memory(config, images.train, CPU)
    trainer = Trainer(config, images, CPU)
    steps = dict(trainer.variant.phases()).get("d", 1)
    trainer.advance(rounds * steps * config.settings.batch_size / 1000)
    return {"predicted": predicted, "measured": trainer.costs()["peak_memory_mib"]}


def cases(rounds: int) -> Iterator[tuple[str, str, TrainConfig, dict[str, float]]]:
    for size in ("small", "large"):
        for variant in CATALOG:
            if size == "large" and CATALOG[variant].family == "projected":
                continue  # its projector enlarges images, so that the small case is large
            command = [sys.executable, __file__, "--case", variant, size, "--rounds", str(rounds)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
            print(variant, size, found, file=sys.stderr)
            yield variant, size, config_of(variant, size), found


def report(rows: list[tuple[str, str, TrainConfig, dict[str, float]]], rounds: int) -> str:
    allocator = ALLOCATORS["cpu"]
    lines = [
        "# Peak memory, predicted before a run and measured",
        "",
        f"{rounds} rounds of each case in a process of its own, one thread of the CPU "
        f"({platform.machine()}), Python {platform.python_version()}, PyTorch {torch.__version__}; "
        "not measured on a GPU. Predicted is "
        f"{allocator.spread:g} times the bytes of the tensors that live at once and "
        f"{allocator.base:g} MiB, two numbers that are fitted to this table; measured is what "
        "a trial reports. Small cases are the first trials of the spaces, whose tensors are no "
        "larger than what else a process allocates.",
        "",
        f"Command: `python benchmarks/memory_prediction.py --rounds {rounds}`",
        "",
        "| variant | case | pixels | batch | tensors, MiB | predicted | measured | error |",
        "|---" * 8 + "|",
    ]
    errors: dict[str, list[float]] = {}
    for variant, size, config, found in rows:
        error = found["predicted"] / found["measured"] - 1
        errors.setdefault(size, []).append(abs(error))
        tensors = (found["predicted"] - allocator.base) / allocator.spread
        lines.append(
            f"| {variant} | {size} | {config.data.resolution} | {config.settings.batch_size} "
            f"| {tensors:.1f} | {found['predicted']:.1f} | {found['measured']:.1f} | {error:+.0%} |"
        )
    lines += ["", "| case | median error | worst |", "|---|---|---|"]
    lines += [
        f"| {size} | {statistics.median(values):.0%} | {max(values):.0%} |"
        for size, values in errors.items()
    ]
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--case", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.case:
        print(json.dumps(run_case(*chosen.case, chosen.rounds)))
        return
    text = report(list(cases(chosen.rounds)), chosen.rounds)
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
