"""What a trial costs the driver: a gansearch study against bare Ray Tune on the same no-op trials.

On one local Ray, round after round: Tune with random search as it comes, Tune with the study's
settings (no loggers, no snapshots), and a study with its policy and durable record. A trial does
nothing but report; each is a process of its own in all three.

    python benchmarks/driver_overhead.py [--trials 12] [--rounds 3]
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

import ray
from ray import tune

from gansearch.record import Report
from gansearch.search.engine import tune as adaptors
from gansearch.search.engine.cluster import SETTINGS
from gansearch.search.policy import Policy
from gansearch.search.storage.store import StudyStore
from gansearch.space import parse_space
from gansearch.train.run import REPORT
from gansearch.urls import sqlite_url

TABLE = Path(__file__).parent / "results" / "driver_overhead.md"
KIMGS = (1.0, 2.0, 3.0)
METRICS = {"fd_digits": 1.0, "seconds_per_kimg": 1.0}
SPACE = """
name: overhead
variant: gan
parameters:
  g_lr: {{type: float, low: 1e-4, high: 1e-1, log: true}}
objectives: {{fd_digits: minimize, seconds_per_kimg: minimize}}
budget: {{trials: {trials}, max_kimg: 3, rungs: [1, 2]}}
search: {{sampler: random, stopping: none}}
"""

Arm = Callable[[int, Path], "Cost"]


class Cost(NamedTuple):
    """Of one trial, in milliseconds."""

    loop: float  # the driver's CPU in Tune's event loop, the thread that trials wait for
    cpu: float  # the driver's CPU in all threads
    wall: float


def plain_trial(_config: dict[str, Any]) -> None:
    for kimg in KIMGS:
        tune.report({"kimg": kimg, **METRICS})


def study_trial(_job: Any, send: Callable[[dict[str, str]], None]) -> None:
    for kimg in KIMGS:
        send({"report": REPORT.dump_json(Report(kimg, METRICS)).decode()})
    send({"outcome": "completed", "reason": "", "host": "here"})


@contextmanager
def stopwatch(trials: int) -> Iterator[list[Cost]]:
    def read() -> tuple[float, ...]:
        return time.thread_time(), time.process_time(), time.perf_counter()

    costs: list[Cost] = []
    start = read()
    yield costs
    costs.append(Cost(*(1000 * (b - a) / trials for a, b in zip(start, read(), strict=True))))


def bare(trials: int, folder: Path) -> Cost:
    with stopwatch(trials) as costs:
        tune.run(
            plain_trial,
            config={"g_lr": tune.loguniform(1e-4, 1e-1)},
            num_samples=trials,
            resources_per_trial={"cpu": 1},
            storage_path=str(folder),
            verbose=0,
        )
    return costs[0]


def as_it_comes(trials: int, folder: Path) -> Cost:
    for name in SETTINGS:
        os.environ.pop(name)
    try:
        return bare(trials, folder)
    finally:
        os.environ.update(SETTINGS)


def study(trials: int, folder: Path) -> Cost:
    space = parse_space(SPACE.format(trials=trials), Path("overhead.yaml"))
    with StudyStore.create(sqlite_url(folder / "studies.db"), "overhead", space) as store:
        policy = Policy(space, store.study, store)
        adaptor = adaptors.SearchAdaptor(policy)
        with stopwatch(trials) as costs:
            adaptors.search(adaptor, space, str(folder), adaptors.StopCondition(None))
            store.flush()
    if adaptor.error:
        raise adaptor.error
    return costs[0]


ARMS: dict[str, Arm] = {
    "Ray Tune": as_it_comes,
    "Ray Tune, logging nothing": bare,
    "gansearch": study,
}


def report(trials: int, measured: dict[str, list[Cost]]) -> str:
    base = measured["Ray Tune"]
    rows = []
    for name, rounds in measured.items():
        cells = []
        for field in Cost._fields:
            values = [getattr(cost, field) for cost in rounds]
            ratios = [mine / getattr(its, field) for mine, its in zip(values, base, strict=True)]
            cells += [f"{statistics.median(values):.0f}", f"{statistics.median(ratios):.2f}"]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    lines = [
        "# What a trial costs the driver",
        "",
        f"{len(base)} rounds of {trials} no-op trials with {len(KIMGS)} reports each, interleaved, "
        f"two at a time; medians, per trial. {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, Ray {ray.__version__}.",
        "",
        f"Command: `python benchmarks/driver_overhead.py --trials {trials} --rounds {len(base)}`",
        "",
        "| run | event loop, CPU ms | ratio | driver, CPU ms | ratio | wall clock, ms | ratio |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
        "Ratios are to Ray Tune as it comes, round by round. What a study's driver takes beyond "
        "its event loop is mostly the durable record, written by a thread beside it. The wall "
        "clock is mostly the start of a process for each trial.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    logging.disable(logging.WARNING)
    os.environ.update(SETTINGS)
    adaptors.train_trial = study_trial
    base = Path(mkdtemp(prefix="gso"))
    try:
        ray.init(
            num_cpus=2, include_dashboard=False, log_to_driver=False, _temp_dir=str(base / "r")
        )
        measured: dict[str, list[Cost]] = {name: [] for name in ARMS}
        for turn in range(chosen.rounds + 1):
            for name, arm in ARMS.items():
                folder = base / f"{name} {turn}"
                folder.mkdir()
                if turn == 0:  # each one's first run pays for imports
                    arm(2, folder)
                else:
                    measured[name].append(arm(chosen.trials, folder))
        text = report(chosen.trials, measured)
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(text)
        print(text)
    finally:
        ray.shutdown()
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
