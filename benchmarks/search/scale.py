"""What the policy itself costs when a study is large; writes benchmarks/results/search_scale.md.

A study of 10,000 trials on 1,000 simulated workers, each verb of the policy timed by the CPU of its
own thread; then the policy is made again from the record, as a resumed study's is.

    python -m benchmarks.search.scale [--samplers random nsga2 tpe] [--trials 10000]
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import optuna

from benchmarks.search.methods import own
from benchmarks.search.surrogate import Surrogate
from gansearch.record import Outcome, Report, StudyRecord
from gansearch.search.policy import Ask, Policy
from gansearch.search.simulate import Clock, Cluster, Method, simulate
from gansearch.space import Space

TABLE = Path(__file__).parent.parent / "results" / "search_scale.md"


class Timed:
    """A method whose verbs are timed, in milliseconds."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self.times: dict[str, list[float]] = defaultdict(list)

    def ask(self) -> Ask | None:
        """As the method's."""
        started = time.thread_time()
        ask = self.method.ask()
        if ask is not None:
            self._note("ask", started)
        return ask

    def report(self, number: int, report: Report) -> bool:
        """As the method's."""
        started = time.thread_time()
        answer = self.method.report(number, report)
        self._note("report", started)
        return answer

    def tell(self, number: int, outcome: Outcome, reason: str = "") -> None:
        """As the method's."""
        started = time.thread_time()
        self.method.tell(number, outcome, reason)
        self._note("tell", started)

    def record(self) -> StudyRecord:
        """As the method's."""
        return self.method.record()

    def _note(self, verb: str, started: float) -> None:
        self.times[verb].append(1000 * (time.thread_time() - started))


def row(sampler: str, trials: int, workers: int) -> str:
    base = Surrogate()
    budget = base.space.budget.model_copy(update={"trials": trials})
    problem = base.with_space(base.space.model_copy(update={"budget": budget}))
    made: list[Timed] = []

    def timed(space: Space, clock: Clock) -> Method:
        made.append(Timed(own(sampler, "asha", space, clock)))
        return made[-1]

    started = time.thread_time()
    simulation = simulate(problem, Cluster(workers, delay_s=0.1), timed)
    whole = time.thread_time() - started
    times = made[0].times
    spent = sum(map(sum, times.values())) / 1000
    search = problem.space.search.model_copy(update={"sampler": sampler, "reduction_factor": 3})
    space = problem.space.model_copy(update={"search": search})
    started = time.thread_time()
    Policy(space, simulation.method.record())
    resumed = time.thread_time() - started
    cells = [f"{np.percentile(times[v], q):.2f}" for v in ("ask", "report") for q in (50, 99)]
    last = f"{np.median(times['ask'][-100:]):.2f}"
    return (
        f"| {sampler} | {trials:,} | {workers:,} | {' | '.join([*cells, last])} | {spent:.1f} | "
        f"{whole - spent:.1f} | {resumed:.1f} |"
    )


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    parser = argparse.ArgumentParser()
    parser.add_argument("--samplers", nargs="+", default=["random", "nsga2", "tpe"])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=1_000)
    chosen = parser.parse_args()
    rows = [row(sampler, chosen.trials, chosen.workers) for sampler in chosen.samplers]
    lines = [
        "# What the policy costs in a large study",
        "",
        f"ASHA, three objectives, seven parameters. {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, Optuna {optuna.__version__}; CPU time of the thread.",
        "",
        f"Command: `python -m benchmarks.search.scale {shlex.join(sys.argv[1:])}`",
        "",
        "| sampler | trials | workers | ask p50, ms | p99 | report p50, ms | p99 "
        "| last 100 asks, ms | policy in all, s | simulator, s | resume, s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *rows,
        "",
    ]
    TABLE.write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
