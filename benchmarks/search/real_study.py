"""Whether a change leaves a real study alone: 12 trials on one worker, TPE and ASHA by quality.

    python -m benchmarks.search.real_study --out before.json       # before the change
    python -m benchmarks.search.real_study --against before.json   # after it: names what differs

A study is compared trial by trial: configuration, seed, every reported quality, outcome, and a
digest of the last checkpoint's weights, optimisers, averages and random state. Costs are no
objectives here, since measured times differ from run to run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from gansearch import run_study
from gansearch.space import parse_space

SPACE = """
name: real
variant: [dcgan, gan]
data: {name: digits, holdout: 0.5}
evaluation: {samples: 400}
training: {batch_size: 32, ema_kimg: 1}
parameters:
  d_steps: [1, 2, 3]
  dcgan:
    g_lr: {type: float, low: 5.0e-4, high: 2.0e-3, log: true}
    g_channels: [8, 16]
    d_channels: [8, 16]
    dsc: {where: [none, both]}
  gan:
    g_lr: {type: float, low: 0.05, high: 0.3, log: true}
    g_hidden: [128, 256]
    d_hidden: [64, 128]
objectives: {fd_digits: minimize}
budget: {trials: 12, max_kimg: 4, rungs: [1, 2]}
resources: {cpus: 1, gpus: 0}
search: {sampler: tpe, stopping: asha, seed: 0, concurrency: 1}
"""
TRAINED = ("variant", "updaters", "ema", "random")
"""Entries of a checkpoint that training determines."""


def digest(value: Any, running: Any = None) -> str:
    """A digest of nested tensors; names and numbers around them are left out."""
    running = running or hashlib.sha256()
    if isinstance(value, torch.Tensor):
        running.update(value.contiguous().numpy().tobytes())
    elif isinstance(value, dict):
        for key in sorted(value, key=str):
            digest(value[key], running)
    elif isinstance(value, list | tuple):
        for item in value:
            digest(item, running)
    return running.hexdigest()[:16]


def trials(folder: Path) -> list[dict[str, Any]]:
    """Search the space, and what is compared of each trial."""
    space = parse_space(SPACE, "real.yaml")
    record = run_study(space, name="real", results=folder, observers=lambda _: ())
    found = []
    for trial in record.trials:
        weights = ""
        if trial.last is not None and trial.last.checkpoint is not None:
            file = Path(trial.last.checkpoint) / "checkpoint.pt"
            state = torch.load(file, weights_only=True)
            weights = digest([state[key] for key in TRAINED])
        found.append(
            {
                "number": trial.number,
                "params": trial.params,
                "seed": trial.seed,
                "quality": [report.metrics["fd_digits"] for report in trial.reports],
                "outcome": trial.outcome and trial.outcome.value,
                "weights": weights,
            }
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    parser.add_argument("--against", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = trials(Path(folder))
    before = json.loads(chosen.against.read_text()) if chosen.against else found
    different = len(before) != len(found)
    for old, new in zip(before, found, strict=False):
        keys = [key for key in new if old[key] != new[key]]
        different |= bool(keys)
        print(f"trial {new['number']}: {new['outcome']} {new['weights']} {keys or 'the same'}")
    if chosen.out:
        chosen.out.write_text(json.dumps(found))
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
