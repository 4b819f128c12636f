"""The moment at which failing runs are ended; writes benchmarks/results/early_ends.md.

Runs of a recorded table are trained again: all that diverged, all that ended no better than they
began, and a random sample of as many others. The table counts where training ends now. What was
trained is kept in the table's folder, so this can be ended at any time and continued.

    python -m benchmarks.search.early_ends benchmarks/search/tables/digits
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import platform
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from benchmarks.search.measures import EARLY
from benchmarks.search.record_table import Plan, record_all
from benchmarks.search.table import Run, TableProblem, load_table
from gansearch.search.samplers.base import key_of
from gansearch.train.collapse import HALF

TABLE = Path(__file__).parent.parent / "results" / "early_ends.md"
ROUND = 0.01
"""Share of the budget that a round may go beyond where a run is looked at."""
NOTE = (
    "What this costs: the absolute thresholds that were used before ended all 28 diverged runs and "
    "all 60 failed ones within 15% of the budget, and with them 6 of the 42 healthy runs "
    "in the worse half (14%)."
)
LOST = 0.95
"""A run that did not get below this share of its first quality failed."""


def kinds(table: TableProblem) -> dict[str, list[Run]]:
    """The runs by what became of them; of those that learnt, as many as of the others."""
    runs = [run for each in table.runs.values() for run in each]
    diverged = [run for run in runs if math.isfinite(run.curve.diverges_at)]
    others = [run for run in runs if math.isinf(run.curve.diverges_at)]
    lost = [run for run in others if quality(run)[-1] > LOST * quality(run)[0]]
    learnt = [run for run in others if run not in lost]
    median = np.median([quality(run)[-1] for run in learnt])
    drawn = np.random.default_rng(0).permutation(len(learnt))[: len(diverged) + len(lost)]
    halves: dict[bool, list[Run]] = {True: [], False: []}
    for run in (learnt[i] for i in drawn):
        halves[bool(quality(run)[-1] <= median)].append(run)
    return {
        "diverged": diverged,
        "ended no better than they began": lost,
        "learnt, the better half": halves[True],
        "learnt, the worse half": halves[False],
    }


def quality(run: Run) -> Sequence[float]:
    """The curve of a run."""
    (found,) = run.curve.quality.values()
    return found


def retrain(table: TableProblem, runs: Sequence[Run], folder: Path, workers: int) -> list[float]:
    """The share of the budget at which each ends now; infinite for one that completes it."""
    folder.mkdir(parents=True, exist_ok=True)
    plans = [Plan(folder / file_name(run), run.params, run.seed) for run in runs]
    record_all([plan for plan in plans if not plan.file.exists()], table.space, workers)
    found = [json.loads(plan.file.read_text()) for plan in plans]
    return [ended_at(run) / table.space.budget.max_kimg for run in found]


def file_name(run: Run) -> str:
    """Where a run is kept."""
    key = f"{key_of(run.params)} {run.seed}"
    return f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"


def ended_at(run: dict[str, str]) -> float:
    """The kimg at which a recorded run ended before its time."""
    _, _, rest = run["reason"].rpartition(" at ")
    return float(rest.split()[0]) if " kimg" in rest else math.inf


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    table = load_table(chosen.folder)
    lines = [
        "# How early failing runs are ended",
        "",
        f"Runs of `{chosen.folder}`, trained again: those that diverged or ended at more than "
        f"{LOST:.0%} of their first quality, and a random sample of as many others, split in "
        f"two at the median of their qualities. {platform.machine()}, PyTorch "
        f"{torch.__version__}; not measured on a GPU.",
        "",
        f"Command: `python -m benchmarks.search.early_ends {chosen.folder}`",
        "",
        f"| recorded as | runs | ended within {EARLY:.0%} of the budget | by half of it | later | "
        "never |",
        "|---|---|---|---|---|---|",
    ]
    for kind, runs in kinds(table).items():
        folder = chosen.folder / "runs" / "again"
        shares = np.array(retrain(table, runs, folder, chosen.workers))
        edges = [-math.inf, EARLY, HALF + ROUND, math.inf]
        counts = [((low < shares) & (shares <= high)).sum() for low, high in pairwise(edges)]
        never = np.isinf(shares).sum()
        counts = [*counts[:-1], counts[-1] - never, never]
        lines.append(f"| {kind} | {len(runs)} | {' | '.join(map(str, counts))} |")
    text = "\n".join([*lines, "", NOTE, ""])
    TABLE.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
