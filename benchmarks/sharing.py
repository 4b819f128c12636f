"""Time and memory of one configuration, alone on the machine and beside three others like it.

The four train at once on the same cores, each in a process of its own, and each until the last one
is measured. With turns, as trials take them, a rate is measured while the others pause; without
them, while they go on. Alone and beside come by turns within one run, so that what else the machine
does falls on all of them.

    python benchmarks/sharing.py [--repeats 3] [--cpus 2] [--variants dcgan gan]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch

from gansearch.data import load_images
from gansearch.hardware.device import DeviceLock
from gansearch.space import load_space
from gansearch.train import trainer as trainer_module
from gansearch.train.trainer import Trainer

TABLE = Path(__file__).parent / "results" / "sharing.md"
SPACE = Path(__file__).parent.parent / "search_spaces" / "quickstart.yaml"
KIMG = {"dcgan": 30.0, "gan": 60.0}
"""Of a measured run; some seconds of training."""
TURNS = ("with", "without")
OTHERS = 3

Costs = dict[str, float]


class Pair(NamedTuple):
    """Costs of one process alone, and of four at once."""

    alone: Costs
    beside: list[Costs]

    def change(self, name: str) -> float:
        """Of the four's median from the one, in per cent."""
        return 100 * (statistics.median(c[name] for c in self.beside) / self.alone[name] - 1)


class NoLock(DeviceLock):
    """A device lock without effect: all processes train and measure at any time."""

    @contextmanager
    def shared(self) -> Iterator[Callable[[], None]]:
        """Take no turn."""
        yield lambda: None

    @contextmanager
    def for_measurement(self, *, exclusive: bool) -> Iterator[Callable[[], bool]]:  # noqa: ARG002 - DeviceLock'
        """Take no turn, and report an exclusive one."""
        yield lambda: True


def train(variant: str, turns: str, kimg: float) -> None:
    """In a process of its own: wait for a line, train, print the costs, train on until killed."""
    torch.set_num_threads(1)
    if turns == "without":
        trainer_module.DeviceLock = NoLock  # type: ignore[misc]
    space = load_space(SPACE)
    params = next(params for params in space.defaults() if params["variant"] == variant)
    config = space.train_config(params, seed=0)
    images = load_images(config.data)
    print("ready", flush=True)
    sys.stdin.readline()
    trainer = Trainer(config, images, torch.device("cpu"))
    trainer.advance(kimg)
    print(json.dumps(trainer.costs()), flush=True)
    while True:
        trainer.advance(trainer.kimg + 1)


def run(variant: str, turns: str, cpus: int, kimg: float) -> Pair:
    """One process alone, then four at once; all have started before, and wait."""
    cores = sorted(os.sched_getaffinity(0))[:cpus]
    with ExitStack() as running:
        folder = running.enter_context(TemporaryDirectory())  # nobody else's locks
        processes = []
        for _ in range(2 + OTHERS):
            process = subprocess.Popen(
                [sys.executable, __file__, "--train", variant, turns, str(kimg)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "TMPDIR": folder, "OMP_NUM_THREADS": "1"},
            )
            running.enter_context(process)
            running.callback(process.kill)
            os.sched_setaffinity(process.pid, cores)
            processes.append(process)
        for process in processes:
            read(process)
        (alone,) = measured(processes[:1])
        processes[0].kill()
        return Pair(alone, measured(processes[1:]))


def measured(processes: list[subprocess.Popen[str]]) -> list[Costs]:
    """Let them train; the costs of each."""
    for process in processes:
        process.stdin.write("go\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
    return [json.loads(read(process)) for process in processes]


def read(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline()  # type: ignore[union-attr]
    if not line:
        raise SystemExit("a process ended before it was measured")
    return line


def measure(variant: str, repeats: int, cpus: int) -> dict[str, list[Pair]]:
    pairs: dict[str, list[Pair]] = {turns: [] for turns in TURNS}
    for _ in range(repeats):
        for turns in TURNS:
            pairs[turns].append(run(variant, turns, cpus, KIMG[variant]))
    return pairs


def row(variant: str, turns: str, pairs: list[Pair]) -> str:
    cells = [variant, turns]
    for name, digits in (("seconds_per_kimg", 4), ("peak_memory_mib", 1)):
        alone = statistics.median(pair.alone[name] for pair in pairs)
        beside = statistics.median(costs[name] for pair in pairs for costs in pair.beside)
        changes = [pair.change(name) for pair in pairs]
        spread = f"{min(changes):+.1f} to {max(changes):+.1f}"
        change = f"{100 * (beside / alone - 1):+.1f} % ({spread})"
        cells += [f"{alone:.{digits}f}", f"{beside:.{digits}f}", change]
    waiting = statistics.median(
        costs["waiting_seconds"] / (costs["waiting_seconds"] + costs["train_seconds"])
        for pair in pairs
        for costs in pair.beside
    )
    measured = statistics.median(c["measured_alone"] for pair in pairs for c in pair.beside)
    return f"| {' | '.join([*cells, f'{measured:g}', f'{100 * waiting:.0f} %'])} |"


def report(rows: list[str], chosen: argparse.Namespace) -> str:
    repeats, cpus, variants = chosen.repeats, chosen.cpus, " ".join(chosen.variants)
    return "\n".join(
        [
            "# One configuration, alone and beside three others like it",
            "",
            f"The quickstart's defaults on digits, a thread each on {cpus} cores; medians of "
            f"{repeats} repeats, in which alone and beside come by turns; in brackets the changes "
            "of single repeats, each the median of its four processes. Waiting is a share of a "
            f"shared run's training and waiting. {platform.machine()}, PyTorch "
            f"{torch.__version__}; not measured on a GPU.",
            "",
            f"Command: `python benchmarks/sharing.py --repeats {repeats} --cpus {cpus} "
            f"--variants {variants}`",
            "",
            "| variant | turns | s/kimg alone | beside | change | MiB alone | beside | change "
            "| windows | waiting |",
            "|---" * 10 + "|",
            *rows,
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--variants", nargs="+", choices=KIMG, default=[*KIMG])
    parser.add_argument("--train", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.train:
        variant, turns, kimg = chosen.train
        train(variant, turns, float(kimg))
    rows = []
    for variant in chosen.variants:
        for turns, pairs in measure(variant, chosen.repeats, chosen.cpus).items():
            rows.append(row(variant, turns, pairs))
            print(rows[-1], flush=True)
    TABLE.write_text(report(rows, chosen))


if __name__ == "__main__":
    main()
