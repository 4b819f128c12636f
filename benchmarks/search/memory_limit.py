"""Proposed configurations that run out of memory, by method.

On devices that half of the random configurations do not fit. Writes
benchmarks/results/memory_limit.md.

    python -m benchmarks.search.memory_limit [--seeds 20] [--methods random+asha tpe+asha]
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import optuna

from benchmarks.search.compare import LIBRARIES, problems
from benchmarks.search.measures import Counted
from benchmarks.search.methods import METHODS
from benchmarks.search.problems import METRICS, Problem
from gansearch.record import Outcome
from gansearch.search.simulation.simulate import Cluster, simulate

TABLE = Path(__file__).parent.parent / "results" / "memory_limit.md"
LEARNING, TRIALS = 30, 60
"""Trials that a method learns from, and all of them."""
CHANCE = 0.5
"""Share of random configurations that do not fit."""


def with_memory() -> list[str]:
    """The problems in which configurations differ in memory, by name."""
    return [name for name, each in problems().items() if _memory(each) is not None]


def _memory(problem: Problem) -> int | None:
    """Which of the objectives is the memory."""
    names = [objective.metric for objective in problem.space.objectives]
    return names.index(METRICS[2]) if METRICS[2] in names else None


def proposed_too_large(problem: Problem, method: str, seed: int, workers: int) -> Counted:
    """Of the trials of a study after the first ones, those that ran out of memory."""
    space = problem.space
    budget = space.budget.model_copy(update={"trials": TRIALS})
    search = space.search.model_copy(update={"seed": seed, "sampler": "random"})
    searched = problem.with_space(space.model_copy(update={"budget": budget, "search": search}))
    needed = problem.usual[:, _memory(problem)]
    limit = float(np.quantile(needed[np.isfinite(needed)], 1 - CHANCE))
    cluster = Cluster(workers, memory_mib=limit, seed=seed)
    trials = simulate(searched, cluster, METHODS[method]).method.record().trials[LEARNING:]
    return Counted(sum(t.outcome == Outcome.OUT_OF_MEMORY for t in trials), len(trials))


def rows(chosen: argparse.Namespace) -> Iterator[str]:
    """A row for each method."""
    yield f"| method | {' | '.join(chosen.problems)} | avoided |"
    yield "|---" * (len(chosen.problems) + 2) + "|"
    for method in chosen.methods:
        shares = []
        for name in chosen.problems:
            counts = [
                proposed_too_large(problems()[name], method, seed, chosen.workers)
                for seed in range(chosen.seeds)
            ]
            shares.append(sum(c.some for c in counts) / sum(c.many for c in counts))
        cells = " | ".join(f"{share:.0%}" for share in shares)
        yield f"| `{method}` | {cells} | {1 - np.mean(shares) / CHANCE:.0%} |"


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    usual = [m for m in METHODS if m not in LIBRARIES and not m.endswith("+none")]
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--problems", nargs="+", default=with_memory(), choices=with_memory())
    parser.add_argument("--methods", nargs="+", default=usual, choices=METHODS)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--out", type=Path, default=TABLE)
    chosen = parser.parse_args()
    lines = [
        "# Configurations that run out of memory",
        "",
        f"Of the trials {LEARNING} to {TRIALS - 1} of a study, the share that did not fit the "
        f"device, which {CHANCE:.0%} of random configurations do not. {chosen.seeds} "
        f"seeds, {chosen.workers} workers, simulated. Avoided: relative to random draws, over all "
        "problems.",
        "",
        f"Command: `python -m benchmarks.search.memory_limit {shlex.join(sys.argv[1:])}`".rstrip(),
        "",
        *rows(chosen),
        "",
    ]
    chosen.out.write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
