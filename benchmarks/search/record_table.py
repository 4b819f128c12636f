"""Record a table of GAN runs: every point of a space's grid, trained by gansearch itself.

Each run is a process of its own, forked from one that has torch loaded, on a core of its own. What
is recorded stays in FOLDER/runs and is not run again, so this can be ended at any time and
continued; the table is written once the last run is there.

    python -m benchmarks.search.record_table benchmarks/search/tables/digits [--limit 4]
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import platform
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from benchmarks.search.table import COSTS, SPACE, load_table, row_of, write_table
from gansearch.record import Outcome, Report
from gansearch.search.engine.cores import exclusive_cores
from gansearch.search.samplers.grid import enumerate_points
from gansearch.search.simulation.simulate import Curve
from gansearch.settings import Params
from gansearch.space import Space, load_space
from gansearch.train.run import run_training

RATES = ("g_lr", "d_lr_ratio", "beta1", "loss")
"""Parameters on which a run's time and memory do not depend."""
REPEATS = 3
"""Measurements of the time and memory of each of the other settings."""
PRELOADED = [
    *("gansearch.train.run", "gansearch.variants.classic.dcgan", "gansearch.variants.classic.gan"),
    *("sklearn.datasets", "torch._dynamo"),
]
"""Modules that take longer to import than a run takes to train."""


@dataclass(frozen=True)
class Plan:
    """A run to record.

    Attributes:
        file: that it is recorded in.
        params: its configuration.
        seed: of its training.
    """

    file: Path
    params: Params
    seed: int


def plans(folder: Path, space: Space) -> list[Plan]:
    """The runs of a table: seed 0 of every configuration, then seed 1 of half of them.

    Both in an order drawn once for all, so that what is there after a part of the time is a sample.
    """
    points = [space.plain(point) for point in enumerate_points(space)]
    order = np.random.default_rng(0).permutation(len(points)).tolist()
    chosen = [*((0, i) for i in order), *((1, i) for i in order[: len(order) // 2])]
    return [Plan(folder / "runs" / f"{i:05d}-{s}.json", points[i], s) for s, i in chosen]


def cost_plans(folder: Path, space: Space) -> list[Plan]:
    """The runs that tell time and memory: a few of everything that these depend on."""
    points = [space.plain(point) for point in enumerate_points(space)]
    gentle = {_networks(params): params for params in reversed(points)}  # first rates
    chosen = enumerate(gentle.values())
    return [
        Plan(folder / "runs" / f"costs-{i:03d}-{repeat}.json", params, 2 + repeat)
        for i, params in chosen
        for repeat in range(REPEATS)
    ]


def record(plan: Plan, space: Space) -> None:
    """Train one run and write its file, whole or not at all. A process of its own calls it."""
    torch.set_num_threads(1)
    reports: list[Report] = []

    def take(report: Report, _: Path) -> bool:
        reports.append(report)
        return True

    config = space.train_config(plan.params, plan.seed)
    with TemporaryDirectory() as scratch, exclusive_cores(1):
        outcome, reason = run_training(
            config, space.budget.rungs, Path(scratch), take, device=torch.device("cpu")
        )
    if outcome not in (Outcome.COMPLETED, Outcome.DIVERGED):
        raise SystemExit(f"{plan.params}: {outcome}: {reason}")
    found = {
        "params": plan.params,
        "seed": plan.seed,
        "reason": reason,
        "reports": [[report.kimg, dict(report.metrics)] for report in reports],
        "tags": dict(reports[-1].tags) if reports else {},
    }
    part = plan.file.with_suffix(".part")
    part.write_text(json.dumps(found))
    part.replace(plan.file)


def record_all(todo: list[Plan], space: Space, workers: int) -> None:
    """Record so many runs at a time; one that fails is told and left out."""
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)

    def run(plan: Plan) -> None:
        process = context.Process(target=record, args=(plan, space))
        process.start()
        process.join()
        print(f"{plan.file.stem} {'ok' if plan.file.exists() else 'FAILED'}", flush=True)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(run, todo))


def rows(space: Space, done: list[Plan], measured: list[Plan]) -> Iterator[dict[str, str]]:
    """The recorded runs as rows of a table, with the costs that were measured apart."""
    costs = _costs(_read(plan) for plan in measured)
    metric = space.quality.metric
    for run in map(_read, done):
        seconds, memory = costs[_networks(run["params"])]
        curve = Curve(
            tuple(kimg for kimg, _ in run["reports"]),
            {metric: tuple(metrics[metric] for _, metrics in run["reports"])},
            seconds,
            memory,
            _diverged_at(space, run),
        )
        yield row_of(space, run["params"], curve, run["seed"], run["reason"])


def _read(plan: Plan) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(plan.file.read_text())
    return found


def _diverged_at(space: Space, run: dict[str, Any]) -> float:
    """The kimg at which a run diverged, if it did: before the point that it has no value at."""
    seen = re.search(r" at ([\d.e+-]+) kimg", run["reason"])
    if seen is None:
        return math.inf
    reached = run["reports"][-1][0] if run["reports"] else 0.0
    points = (*space.budget.rungs, space.budget.max_kimg)
    return min(float(seen[1]), next(point for point in points if point > reached))


def _costs(measured: Iterable[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """Median time and memory by networks, batch and steps."""
    found = defaultdict(list)
    for run in measured:
        found[_networks(run["params"])].append(run["reports"][-1][1])
    seconds, memory = COSTS
    return {
        key: (
            statistics.median(m[seconds] for m in each),
            statistics.median(m[memory] for m in each),
        )
        for key, each in found.items()
    }


def _networks(params: Mapping[str, Any]) -> str:
    return json.dumps({k: v for k, v in params.items() if k not in RATES}, sort_keys=True)


def provenance(done: list[Plan]) -> dict[str, Any]:
    """On what a table was recorded."""
    tags = [json.loads(plan.file.read_text())["tags"] for plan in done]
    return {
        "runs": len(done),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        **{
            name: sorted({t[name] for t in tags if name in t})
            for name in ("torch", "data", "device", "threads")
        },
    }


def _left(wanted: Sequence[Plan]) -> list[Plan]:
    return [plan for plan in wanted if not plan.file.exists()]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--limit", type=int, help="runs to record now")
    chosen = parser.parse_args()
    space = load_space(chosen.folder / SPACE)
    (chosen.folder / "runs").mkdir(exist_ok=True)
    wanted = plans(chosen.folder, space)
    record_all(list(islice(_left(wanted), chosen.limit)), space, chosen.workers)
    done = [plan for plan in wanted if plan.file.exists()]
    print(f"{len(done)} of {len(wanted)} runs are there")
    if len(done) == len(wanted):
        costs = cost_plans(chosen.folder, space)
        record_all(_left(costs), space, workers=1)  # nothing beside them
        write_table(chosen.folder, space, rows(space, done, costs))
        text = json.dumps(provenance(done), indent=2) + "\n"
        (chosen.folder / "provenance.json").write_text(text)
        table = load_table(chosen.folder)
        print(f"{chosen.folder}: {len(table.runs)} configurations, {len(table.front)} on the front")


if __name__ == "__main__":
    main()
