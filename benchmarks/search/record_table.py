"""Record a table of GAN runs: every point of a space's grid, trained by gansearch itself.

Each run is a process of its own, forked from one that has torch loaded, on a core of its own. What
is recorded stays in FOLDER/runs and is not run again, so this can be ended at any time and
continued; the table is written once the last run is there.

    python -m benchmarks.search.record_table benchmarks/search/tables/digits [--limit 4]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import re
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from benchmarks.search.table import COSTS, SPACE, load_table, row_of, write_table
from gansearch.config import Params
from gansearch.record import Outcome, Report
from gansearch.search.cores import own_cores
from gansearch.search.grid import enumerate_points
from gansearch.search.simulate import Curve
from gansearch.space import Space, load_space
from gansearch.train.run import run_training

RATES = ("g_lr", "d_lr_ratio", "beta1", "loss")
"""What a run's time and memory do not depend on."""


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
    points = list(enumerate_points(space))
    order = np.random.default_rng(0).permutation(len(points)).tolist()
    chosen = [*((0, i) for i in order), *((1, i) for i in order[: len(order) // 2])]
    return [Plan(folder / "runs" / f"{i:05d}-{s}.json", points[i], s) for s, i in chosen]


def record(plan: Plan, space: Space) -> None:
    """Train one run and write its file, whole or not at all. A process of its own calls it."""
    torch.set_num_threads(1)
    reports: list[Report] = []

    def take(report: Report, _: Path) -> bool:
        reports.append(report)
        return True

    config = space.train_config(plan.params, plan.seed)
    with TemporaryDirectory() as scratch, own_cores(1):
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
    context.set_forkserver_preload(["gansearch.train.run", "gansearch.variants.image.dcgan"])

    def run(plan: Plan) -> None:
        process = context.Process(target=record, args=(plan, space))
        process.start()
        process.join()
        print(f"{plan.file.stem} {'ok' if plan.file.exists() else 'FAILED'}", flush=True)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(run, todo))


def rows(space: Space, done: list[Plan]) -> Iterator[dict[str, str]]:
    """The recorded runs as rows of a table."""
    found = [json.loads(plan.file.read_text()) for plan in done]
    usual = _usual_costs(found)
    for run in found:
        metric = space.quality.metric
        costs = run["reports"][-1][1] if run["reports"] else usual[_networks(run["params"])]
        diverged = re.search(r" at ([\d.e+-]+) kimg", run["reason"])
        curve = Curve(
            tuple(kimg for kimg, _ in run["reports"]),
            {metric: tuple(metrics[metric] for _, metrics in run["reports"])},
            *(costs[cost] for cost in COSTS),
            *([float(diverged[1])] if diverged else []),
        )
        yield row_of(space, run["params"], curve, run["seed"], run["reason"])


def _usual_costs(found: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Median costs by networks, batch and steps: a run that diverged at once measured none."""
    measured = defaultdict(list)
    for run in found:
        if run["reports"]:
            measured[_networks(run["params"])].append(run["reports"][-1][1])
    return {
        key: {cost: statistics.median(m[cost] for m in each) for cost in COSTS}
        for key, each in measured.items()
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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--limit", type=int, help="runs to record now")
    chosen = parser.parse_args()
    space = load_space(chosen.folder / SPACE)
    (chosen.folder / "runs").mkdir(exist_ok=True)
    wanted = plans(chosen.folder, space)
    todo = [plan for plan in wanted if not plan.file.exists()]
    record_all(list(islice(todo, chosen.limit)), space, chosen.workers)
    done = [plan for plan in wanted if plan.file.exists()]
    print(f"{len(done)} of {len(wanted)} runs are there")
    if len(done) == len(wanted):
        write_table(chosen.folder, space, rows(space, done))
        text = json.dumps(provenance(done), indent=2) + "\n"
        (chosen.folder / "provenance.json").write_text(text)
        table = load_table(chosen.folder)
        print(f"{chosen.folder}: {len(table.runs)} configurations, {len(table.front)} on the front")


if __name__ == "__main__":
    main()
