"""Cost of a search in a large study; writes benchmarks/results/search_scale.md.

A study of 10,000 trials on 1,000 simulated workers, whose events come at an even pace, each verb of
its policy timed by the wall clock: what the policy does in threads of its own counts where a verb
waits for it. Then the driver is killed: the record is read from SQLite, another policy is made from
it, and the next decisions of both are compared.

    python -m benchmarks.search.scale [random+asha nsga2+none tpe+asha:1000 …]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import numpy as np
import optuna
import psutil
import sqlalchemy

from benchmarks.search.surrogate import Surrogate
from gansearch.record import Outcome, Report, StudyRecord
from gansearch.search.policy import Ask, Policy
from gansearch.search.samplers.registry import SAMPLERS
from gansearch.search.simulation.simulate import Cluster, Method, Simulation, policy
from gansearch.search.stopping.registry import STOPPING_RULES
from gansearch.search.storage.database import connect
from gansearch.search.storage.store import StudyStore, layout, read_study
from gansearch.space import SearchConfig, Space, parse_space
from gansearch.urls import sqlite_url

TABLE = Path(__file__).parent.parent / "results" / "search_scale.md"
NEXT = 300
"""Trials that both policies are asked for after a kill."""
PACE = 200
"""Simulated events a second: with 1,000 workers, one each 5 s of each."""
USUAL = SearchConfig()
METHODS = dict.fromkeys(
    [f"{sampler}+{USUAL.stopping}" for sampler in SAMPLERS if sampler not in ("grid", "pbt")]
    + [f"random+{stopping}" for stopping in STOPPING_RULES]
)
"""Each way to propose and each to stop; the problem has continuous ranges, so no grid."""
SPACE = "{variant: gan, parameters: {d_steps: [1, 2]}, objectives: {fd_digits: minimize}}"
"""In place of the problem's, which is no variant's, where a record is read."""

NO_TAGS: Mapping[str, str] = MappingProxyType({})

T = TypeVar("T")


class Timed:
    """A method whose verbs are timed, in milliseconds."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self.times: dict[str, list[float]] = defaultdict(list)

    def ask(self) -> Ask | None:
        """As the method's."""
        return self._timed("ask", self.method.ask)

    def report(self, number: int, report: Report) -> bool:
        """As the method's."""
        return self._timed("report", lambda: self.method.report(number, report))

    def tell(
        self, number: int, outcome: Outcome, reason: str = "", tags: Mapping[str, str] = NO_TAGS
    ) -> None:
        """As the method's."""
        self._timed("tell", lambda: self.method.tell(number, outcome, reason, tags))

    def record(self) -> StudyRecord:
        """As the method's."""
        return self.method.record()

    def _timed(self, verb: str, call: Callable[[], T]) -> T:
        answer, spent = timed(call)
        self.times[verb].append(1000 * spent)
        return answer


class Twins:
    """Two methods that are told the same; whether all their answers have been the same."""

    def __init__(self, first: Method, second: Method) -> None:
        self._first, self._second = first, second
        self.same = True

    def ask(self) -> Ask | None:
        """The first one's."""
        return self._both(self._first.ask(), self._second.ask())

    def report(self, number: int, report: Report) -> bool:
        """The first one's."""
        return self._both(self._first.report(number, report), self._second.report(number, report))

    def tell(
        self, number: int, outcome: Outcome, reason: str = "", tags: Mapping[str, str] = NO_TAGS
    ) -> None:
        """Tell both."""
        self._first.tell(number, outcome, reason, tags)
        self._second.tell(number, outcome, reason, tags)

    def record(self) -> StudyRecord:
        """The first one's."""
        return self._first.record()

    def _both(self, first: T, second: T) -> T:
        self.same &= first == second
        return first


class Pace:
    """Lets so many events happen a second."""

    def __init__(self, rate: float) -> None:
        self._gap = 1 / rate
        self._next = time.perf_counter()

    def wait(self) -> None:
        """Until the next event is due, counted from the last one if that was late."""
        now = time.perf_counter()
        time.sleep(max(0.0, self._next - now))
        self._next = max(self._next, now) + self._gap


class Costs(NamedTuple):
    """Cost of a study.

    Attributes:
        times: of each verb, in milliseconds.
        memory: of the process, over its beginning, in MiB, at a quarter, half and all of the
            trials.
        read, replay: seconds of a resumed driver.
        same: whether it goes on as the other would have.
    """

    times: dict[str, list[float]]
    memory: list[float]
    read: float
    replay: float
    same: bool


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """The answer of a call, and its seconds."""
    started = time.perf_counter()
    return call(), time.perf_counter() - started


def measure(method: str, trials: int, workers: int) -> Costs:
    sampler, stopping = method.split("+")
    base = Surrogate()
    budget = base.space.budget.model_copy(update={"trials": trials + NEXT})
    search = base.space.search.model_copy(update={"sampler": sampler, "stopping": stopping})
    space = base.space.model_copy(update={"budget": budget, "search": search})
    simulation = Simulation(base.with_space(space), Cluster(workers, delay_s=0.1))
    alive = policy(space, simulation.clock)
    clocked = simulation.method = Timed(alive)
    before, memory, pace = resident(), [], Pace(PACE)
    simulation.start()
    for part in (trials // 4, trials // 2, trials):
        while len(clocked.times["ask"]) < part:
            pace.wait()
            simulation.step()
        memory.append(resident() - before)
    read, spent = timed_read(space, alive.record())
    revived, replay = timed(lambda: Policy(space, read, clock=simulation.clock))
    for trial in alive.record().trials:
        if trial.outcome is None:
            revived.ask()
    simulation.method = twins = Twins(alive, revived)
    while len(alive.record().trials) < trials + NEXT:
        simulation.step()
    return Costs(clocked.times, memory, spent, replay, twins.same)


def resident() -> float:
    """Memory of this process, in MiB."""
    return psutil.Process().memory_info().rss / 2**20


def timed_read(space: Space, record: StudyRecord) -> tuple[StudyRecord, float]:
    """A record as read from SQLite, and the seconds of that."""
    with TemporaryDirectory() as folder:
        url = sqlite_url(Path(folder) / "studies.db")
        StudyStore.create(url, "s", parse_space(SPACE, "")).close()
        trials, attributes = [], []
        for trial in record.trials:
            frozen = layout.running_trial(space, trial)
            trials.append({"id": trial.number + 1, "state": frozen.state.name})
            held = {**frozen.user_attrs, **(layout.end_attributes(trial) if trial.outcome else {})}
            attributes += [
                {"id": trial.number + 1, "key": key, "value": json.dumps(value)}
                for key, value in held.items()
            ]
        # What is read of a trial, at once: as a study writes it, it would take minutes.
        with connect(url).engine.begin() as connection:
            connection.execute(
                sqlalchemy.text(
                    "INSERT INTO trials (trial_id, number, study_id, state)"
                    " VALUES (:id, :id - 1, 1, :state)"
                ),
                trials,
            )
            connection.execute(
                sqlalchemy.text(
                    "INSERT INTO trial_user_attributes (trial_id, key, value_json)"
                    " VALUES (:id, :key, :value)"
                ),
                attributes,
            )
        (_, read), spent = timed(lambda: read_study(url, "s"))
    if read.trials != record.trials:
        raise RuntimeError("what is read is not what was decided")
    return replace(record, trials=read.trials), spent


def row(method: str, trials: int, costs: Costs) -> str:
    cells = [
        " / ".join(f"{value:.2f}" for value in (*np.percentile(times, (50, 99)), max(times)))
        for times in (costs.times["ask"], costs.times["report"])
    ]
    memory = " / ".join(f"{value:.0f}" for value in costs.memory)
    cells += [memory, f"{costs.read:.1f} + {costs.replay:.1f}", "yes" if costs.same else "**no**"]
    return f"| `{method}` | {trials:,} | {' | '.join(cells)} |"


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "methods", nargs="*", default=list(METHODS), help="sampler+stopping, or with :trials"
    )
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=1_000)
    chosen = parser.parse_args()
    rows = []
    # Each in a process of its own: what one has let go of, the next would not be seen to take.
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        for named in chosen.methods:
            method, _, trials = named.partition(":")
            size = int(trials or chosen.trials)
            costs = pool.submit(measure, method, size, min(chosen.workers, size // 10)).result()
            rows.append(row(method, size, costs))
            print(rows[-1], flush=True)
    lines = [
        "# What a search costs in a large study",
        "",
        f"{chosen.workers:,} simulated workers, for a smaller study a tenth of its trials; three "
        "objectives, seven parameters. "
        f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, "
        f"Optuna {optuna.__version__}; wall clock, at {PACE} events a second. Memory is that of "
        "the process over its beginning, the simulated machines among it. A resumed driver reads "
        "the record from SQLite and replays it. Same: the next "
        f"{NEXT} asks, and every decision meanwhile, are those of the driver that was not killed.",
        "",
        f"Command: `python -m benchmarks.search.scale {shlex.join(sys.argv[1:])}`",
        "",
        "| method | trials | ask p50 / p99 / max, ms | report p50 / p99 / max, ms "
        "| MiB at a quarter / half / all | resume, s | same |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
    ]
    TABLE.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
