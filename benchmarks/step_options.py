"""Step time with and without each thing that saves some, for several variants.

A round is one update of D and one of G. All sides of a variant, one for each option, take turns
within one run, so that what else the machine does falls on all of them; what is compared is each
round's ratio to the default's beside it. Settings of ``compute:`` are the product's own; what is no
setting, because it always pays, is undone here to show what it saves.

    python benchmarks/step_options.py [--rounds 9] [--threads 1] [--compiled dcgan-8 projgan-32]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import torch

from gansearch.config import ComputeConfig, DataConfig
from gansearch.data import BatchStream, Images, load_images
from gansearch.hardware.device import device_name
from gansearch.nn import optim
from gansearch.settings import Settings
from gansearch.train.compute import Compute
from gansearch.train.rounds import Rounds
from gansearch.train.updater import Updater
from gansearch.variants.catalog import CATALOG

TABLE = Path(__file__).parent / "results" / "step_options.md"
SECONDS = 0.1  # of a measurement, about: rounds that are shorter are repeated


class Case(NamedTuple):
    """A network that is measured: a variant's small form, but for the settings given."""

    variant: str
    resolution: int
    settings: dict[str, Any]


CASES = {
    "dcgan-8": Case("dcgan", 8, {"g_channels": 16, "d_channels": 16, "batch_size": 64}),
    "dcgan-32": Case("dcgan", 32, {"g_channels": 16, "d_channels": 16, "batch_size": 32}),
    "projgan-32": Case("projgan", 32, {"batch_size": 16}),
    "projected_gan-32": Case("projected_gan", 32, {"batch_size": 16}),
    "stylegan3-16": Case("stylegan3", 16, {"batch_size": 16}),
}


class Option(NamedTuple):
    """One way of computing: what it sets, and what it undoes."""

    compute: dict[str, Any]
    undone: Callable[[], AbstractContextManager[Any]] = nullcontext


def adam(**form: bool) -> Callable[[], AbstractContextManager[Any]]:
    def build(parameters: Any, **settings: Any) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, **{**settings, "fused": False, **form})

    return lambda: patch.object(optim, "Adam", build)


def all_gradients() -> AbstractContextManager[Any]:
    """Every player's parameters keep theirs in every step."""
    return patch.object(Updater, "require_grad", lambda *_: None)


DEFAULT = "default"
OPTIONS = {
    DEFAULT: Option({}),
    "memory_format: contiguous": Option({"memory_format": "contiguous"}),
    "precision: bfloat16": Option({"precision": "bfloat16"}),
    "data: streamed": Option({"data": "streamed"}),
    "compile: default": Option({"compile": "default"}),
    "Adam one tensor at a time, not fused": Option({}, adam(foreach=False)),
    "Adam by lists of tensors, not fused": Option({}, adam(foreach=True)),
    "gradients of D's weights in G's step": Option({}, all_gradients),
}
ON_A_GPU = {
    "precision: tf32": Option({"precision": "tf32"}),
    "compile: default, cuda_graphs": Option({"compile": "default", "cuda_graphs": True}),
}


class Result(NamedTuple):
    """Of a case: each option's seconds a round, and what compiling took, by option.

    The seconds are in the order in which they were measured, the same for all.
    """

    seconds: dict[str, list[float]]
    compiling: dict[str, float]


class Side:
    """A case under an option; ``started`` is what its first round took, compilation included."""

    def __init__(self, case: Case, option: Option, images: Images, device: torch.device) -> None:
        entry = CATALOG[case.variant]
        settings: Settings = entry.small_settings(**case.settings)
        torch.manual_seed(0)
        with option.undone():
            compute = Compute(ComputeConfig(**option.compute), device)
            with device:
                variant = entry.load()(settings, images.train.spec).train()
            variant.prepare(images.train)
            compute.apply(variant)
            self._rounds = Rounds(variant, compute)
        self._phases = [(name, 1) for name in variant.players]
        data = option.compute.get("data", "auto")
        self._stream = BatchStream(images.train, settings.batch_size, 0, device, data)
        self._steps = compute.steps
        self._undone = option.undone
        self._device = device
        self._repeats = 1
        before = time.perf_counter()
        self._timed()
        self.started = time.perf_counter() - before  # of the wall: compilers are other processes
        self._repeats = max(1, round(SECONDS / self._timed()))

    def round(self) -> float:
        """Seconds a round."""
        return self._timed() / self._repeats

    def _timed(self) -> float:
        with self._undone(), self._steps(), clock(self._device) as elapsed:
            for _ in range(self._repeats):
                for _ in self._rounds.run(self._phases, self._stream.next):
                    pass
        return elapsed[0]


@contextmanager
def clock(device: torch.device) -> Iterator[list[float]]:
    """The processor's time on a CPU, which others do not add to; on a GPU the wall's."""
    elapsed: list[float] = []
    on_gpu = device.type == "cuda"
    now = time.perf_counter if on_gpu else time.process_time
    started = now()
    yield elapsed
    if on_gpu:
        torch.cuda.synchronize(device)
    elapsed.append(now() - started)


def measure(name: str, args: argparse.Namespace, device: torch.device) -> Result:
    case = CASES[name]
    images = load_images(DataConfig(name="digits", resolution=case.resolution))
    options = {**OPTIONS, **(ON_A_GPU if device.type == "cuda" else {})}
    sides = {}
    for label, option in options.items():
        if "compile" in option.compute and name not in args.compiled:
            continue
        sides[label] = Side(case, option, images, device)
        print(f"{name}, {label}: first round {sides[label].started:.2f} s", flush=True)
    seconds: dict[str, list[float]] = {label: [] for label in sides}
    for index in range(args.rounds):
        labels = list(sides)
        for label in labels[index % len(labels) :] + labels[: index % len(labels)]:
            seconds[label].append(sides[label].round())
    compiling = {label: sides[label].started for label in sides if "compile" in label}
    return Result(seconds, compiling)


def table(results: dict[str, Result], device: torch.device) -> list[str]:
    rows = ["| option | " + " | ".join(results) + " |", "|---|" + "---|" * len(results)]
    medians = [f"{1000 * statistics.median(r.seconds[DEFAULT]):.1f} ms" for r in results.values()]
    rows.append("| " + " | ".join([DEFAULT, *medians]) + " |")
    labels = dict.fromkeys(label for result in results.values() for label in result.seconds)
    for label in list(labels)[1:]:
        cells = [ratio(result.seconds, label) for result in results.values()]
        rows.append("| " + " | ".join([label, *cells]) + " |")
    if device.type != "cuda":
        missing = " | ".join(["not measured on a GPU"] * len(results))
        rows += [f"| {label} | {missing} |" for label in ON_A_GPU]
    compiling = [
        f"{seconds:.0f} s ({name}, {label})"
        for name, result in results.items()
        for label, seconds in result.compiling.items()
    ]
    took = [f"Compiling took, once: {', '.join(compiling)}."] if compiling else []
    notes = [line for note in (*undecided(results, list(labels)[1:]), *took) for line in ("", note)]
    return [*rows, *notes]


def ratio(seconds: dict[str, list[float]], label: str) -> str:
    if label not in seconds:
        return "not measured"
    low, middle, high = quartiles(seconds, label)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def quartiles(seconds: dict[str, list[float]], label: str) -> list[float]:
    """Of an option's ratios to the default."""
    ratios = [a / b for a, b in zip(seconds[label], seconds[DEFAULT], strict=True)]
    return statistics.quantiles(ratios, n=4)


def undecided(results: dict[str, Result], labels: list[str]) -> Iterator[str]:
    """Which of the ratios show no difference, as a paragraph."""
    within: dict[str, list[str]] = {}
    for label in labels:
        for name, result in results.items():
            if label in result.seconds:
                low, _, high = quartiles(result.seconds, label)
                if low <= 1 <= high:
                    within.setdefault(label, []).append(name)
    cells = "; ".join(f"{label} ({', '.join(names)})" for label, names in within.items())
    if cells:
        yield f"No difference from the default is shown where the quartiles include 1: {cells}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compiled", nargs="*", choices=CASES, default=["dcgan-8", "projgan-32"])
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    results = {name: measure(name, args, device) for name in CASES}
    lines = [
        "# Step time with and without each saving",
        "",
        "A round is one update of D and one of G. The first row is its time by default; the others "
        "are ratios to it, medians with quartiles: above 1 an option is slower than the default. "
        f"{args.rounds} measurements a side, interleaved. {device_name(device)}, {os.cpu_count()} "
        f"cores, {args.threads} thread(s), PyTorch {torch.__version__}, "
        f"Python {platform.python_version()}.",
        "",
        f"Command: `python benchmarks/step_options.py --rounds {args.rounds} --threads "
        f"{args.threads} --compiled {' '.join(args.compiled)}`",
        "",
        *table(results, device),
    ]
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text("\n".join(lines) + "\n")
    print("\n".join(["", *lines, "", f"written to {TABLE}"]))


if __name__ == "__main__":
    main()
