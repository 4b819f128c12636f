"""Results per second with tracking on: gansearch's mirror against Ray's own MLflow callback.

The same no-op trial is run on one local Ray by Tune alone, without and with its
``MLflowLoggerCallback``, and as a gansearch study, without and with the mirror. Each writes to an
MLflow database of its own, set up beforehand.

    python benchmarks/tracking_throughput.py [--trials 4] [--results 50]
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import ray
from mlflow import MlflowClient
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback

from gansearch.record import Report
from gansearch.search.engine import tune as adaptors
from gansearch.search.engine.cluster import SETTINGS
from gansearch.search.policy import Policy
from gansearch.search.storage.store import StudyStore
from gansearch.space import parse_space
from gansearch.study.observers import run_observers
from gansearch.tracking import MlflowMirror
from gansearch.train.run import REPORT
from gansearch.urls import sqlite_url

TABLE = Path(__file__).parent / "results" / "tracking_throughput.md"
METRICS = ("fd_digits", "seconds_per_kimg", "train_seconds", "peak_memory_mib", "d_loss", "g_loss")
SPACE = """
name: throughput
variant: gan
parameters:
  g_lr: {{type: float, low: 1e-4, high: 1e-1, log: true}}
objectives: {{fd_digits: minimize, seconds_per_kimg: minimize}}
budget: {{trials: {trials}, max_kimg: {kimg}, rungs: {rungs}}}
search: {{sampler: random, stopping: none}}
"""


def metrics_at(step: int) -> dict[str, float]:
    return {name: 1.0 / (step + index) for index, name in enumerate(METRICS, start=1)}


def plain_trial(config: dict[str, Any]) -> None:
    for step in range(1, config["results"] + 1):
        tune.report(metrics_at(step))


def study_trial(job: Any, send: Callable[[dict[str, str]], None]) -> None:
    """The same as ``plain_trial``, as a worker of a study says it."""
    for step in range(1, len(job["rungs"]) + 2):
        send({"report": REPORT.dump_json(Report(float(step), metrics_at(step))).decode()})
    send({"outcome": "completed", "reason": "", "host": "here"})


def with_ray(trials: int, results: int, folder: Path, callbacks: Sequence[Any]) -> float:
    """Seconds of a plain Tune run."""
    start = time.perf_counter()
    tune.run(
        plain_trial,
        config={"results": results, "g_lr": tune.loguniform(1e-4, 1e-1)},
        num_samples=trials,
        resources_per_trial={"cpu": 1},
        callbacks=list(callbacks),
        storage_path=str(folder / "tune"),
        verbose=0,
    )
    return time.perf_counter() - start


def with_gansearch(trials: int, results: int, folder: Path, *, mirrored: bool) -> float:
    """Seconds of a study, until MLflow holds everything too."""
    rungs = list(range(1, results))
    space = parse_space(SPACE.format(trials=trials, kimg=results, rungs=rungs), Path("bench.yaml"))
    adaptors.train_trial = study_trial
    observers = [MlflowMirror(space, folder)] if mirrored else []
    start = time.perf_counter()
    with StudyStore.create(sqlite_url(folder / "studies.db"), "throughput", space) as store:
        policy = Policy(space, store.study, store)
        adaptor = adaptors.SearchAdaptor(policy)
        with run_observers(observers, policy.record, close_seconds=600.0):
            adaptors.search(adaptor, space, str(folder), adaptors.StopCondition(None))
            store.flush()
    if adaptor.error:
        raise adaptor.error
    return time.perf_counter() - start


def tracked(folder: Path) -> int:
    """Values of the first metric that MLflow holds."""
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    found = client.get_experiment_by_name("throughput")
    runs = client.search_runs([found.experiment_id]) if found else []
    return sum(len(client.get_metric_history(run.info.run_id, METRICS[0])) for run in runs)


def prepared(base: Path, name: str) -> Path:
    """A folder with an MLflow database that is set up."""
    folder = base / name
    folder.mkdir()
    MlflowClient(f"sqlite:///{folder / 'mlflow.db'}").search_experiments()
    return folder


def report(trials: int, results: int, seconds: dict[str, float], stored: dict[str, int]) -> str:
    expected = trials * results
    extra = {
        "callback": seconds["Ray Tune, MLflowLoggerCallback"] - seconds["Ray Tune"],
        "mirror": seconds["gansearch, mirror"] - seconds["gansearch"],
    }
    rows = [
        f"| {name} | {taken:.1f} | {expected / taken:.1f} | {stored.get(name, '')} |"
        for name, taken in seconds.items()
    ]
    lines = [
        "# Results per second with tracking on",
        "",
        f"{trials} no-op trials of {results} results with {len(METRICS)} metrics each, "
        f"MLflow on SQLite; {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, Ray {ray.__version__}, MLflow {version('mlflow')}.",
        "",
        f"Command: `python {' '.join(sys.argv)}`",
        "",
        "| run | seconds | results/s | results in MLflow |",
        "|---|---|---|---|",
        *rows,
        "",
        "Every trial is a process of its own; starting those is most of an untracked run. The time "
        "of a study includes its durable record, and ends when MLflow holds everything.",
        "",
        f"Tracking adds {extra['callback']:.1f} s with Ray's callback and {extra['mirror']:.1f} s "
        "with the mirror.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--results", type=int, default=50)
    chosen = parser.parse_args()
    logging.disable(logging.WARNING)
    os.environ.update(SETTINGS)
    base = Path(mkdtemp(prefix="gst"))
    plain = partial(with_ray, chosen.trials, chosen.results)
    study = partial(with_gansearch, chosen.trials, chosen.results)
    try:
        ray.init(
            num_cpus=2, include_dashboard=False, log_to_driver=False, _temp_dir=str(base / "r")
        )
        plain(prepared(base, "warm"), [])  # the first run of a Ray starts slower
        folder, mirrored = prepared(base, "callback"), prepared(base, "mirrored")
        uri = f"sqlite:///{folder / 'mlflow.db'}"
        callback = MLflowLoggerCallback(tracking_uri=uri, experiment_name="throughput")
        seconds = {
            "Ray Tune": plain(prepared(base, "plain"), []),
            "Ray Tune, MLflowLoggerCallback": plain(folder, [callback]),
            "gansearch": study(prepared(base, "study"), mirrored=False),
            "gansearch, mirror": study(mirrored, mirrored=True),
        }
        stored = {
            "Ray Tune, MLflowLoggerCallback": tracked(folder),
            "gansearch, mirror": tracked(mirrored),
        }
        text = report(chosen.trials, chosen.results, seconds, stored)
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(text)
        print(text)
    finally:
        ray.shutdown()
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
