"""Whether a change leaves the search's decisions alone: every trial of simulated studies.

    python -m benchmarks.search.decisions --out before.json       # before the change
    python -m benchmarks.search.decisions --against before.json   # after it: names what differs

A study is compared trial by trial: parameters, seed, lineage, every report and the outcome. Reasons
are left out, since their wording may change.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.search.compare import problems, simulated
from benchmarks.search.methods import METHODS
from gansearch.record import TrialRecord
from gansearch.space import SearchConfig

PROBLEMS = ("digits", "zdt1", "dtlz2", "gan-surrogate")
TRAININGS, WORKERS = 60, 8
DEFAULT = f"{SearchConfig().sampler}+{SearchConfig().stopping}"
"""The default method, whatever it is called."""
SAME = {"fid_digits": "fd_digits"}
"""Metrics that were renamed, by their old names."""


def told(trial: TrialRecord) -> dict[str, Any]:
    """The compared parts of a trial, as JSON."""
    reports = [
        {"kimg": r.kimg, "metrics": {SAME.get(n, n): v for n, v in sorted(r.metrics.items())}}
        for r in trial.reports
    ]
    return {
        "number": trial.number,
        "params": dict(sorted(trial.params.items())),
        "seed": trial.seed,
        "lineage": [[a.number, a.kimg] for a in trial.lineage],
        "reports": reports,
        "outcome": trial.outcome and trial.outcome.value,
    }


def decisions(name: str, method: str, seed: int) -> list[dict[str, Any]]:
    """The trials of one simulated study."""
    simulation = simulated((name, method, seed), TRAININGS, WORKERS)
    return [json.loads(json.dumps(told(trial))) for trial in simulation.method.record().trials]


def difference(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> str:
    """The first trial that differs, in words; empty where none does."""
    for old, new in zip(before, after, strict=False):
        if old != new:
            keys = [key for key in old if old[key] != new[key]]
            return f"trial {old['number']} differs in {', '.join(keys)}"
    return "" if len(before) == len(after) else f"{len(before)} trials, now {len(after)}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--problems", nargs="+", default=PROBLEMS, choices=problems())
    parser.add_argument("--methods", nargs="+", default=[DEFAULT, "tpe+asha"], choices=METHODS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--against", type=Path)
    chosen = parser.parse_args()
    before = json.loads(chosen.against.read_text()) if chosen.against else {}
    found, different = {}, 0
    for case in product(chosen.problems, chosen.methods, range(chosen.seeds)):
        name, method, seed = case
        key = f"{name} {'default' if method == DEFAULT else method} {seed}"
        found[key] = decisions(name, method, seed)
        digest = hashlib.sha256(json.dumps(found[key], sort_keys=True).encode()).hexdigest()[:16]
        answer = difference(before[key], found[key]) or "the same" if key in before else ""
        different += answer not in ("", "the same")
        print(f"{key}: {len(found[key])} trials, {digest} {answer}", flush=True)
    if chosen.out:
        chosen.out.write_text(json.dumps(found))
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
