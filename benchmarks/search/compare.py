"""Methods of search side by side on simulated studies; writes benchmarks/results/search.md.

    python -m benchmarks.search.compare --seeds 20 [--problems zdt1 dtlz2] [--methods tpe+asha]

Methods of Syne Tune and NePS need these installed. Every study that was simulated is kept in a
folder and not simulated again, so this can be ended at any time and continued, and methods can be
run one after the other, by environments of their own; --fresh METHODS forgets some of them.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from importlib.metadata import version
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import optuna
from numpy.typing import NDArray
from pydantic import TypeAdapter

from benchmarks.search.measures import EARLY, NEAR, Counted, Worth, at, share_to_reach, worth
from benchmarks.search.methods import METHODS, ORACLE, Oracle
from benchmarks.search.nas_bench import load_nas_bench
from benchmarks.search.problems import FUNCTIONS, Problem, drawn
from benchmarks.search.qualities import QUALITIES
from benchmarks.search.surrogate import Surrogate
from benchmarks.search.table import RUNS, load_table
from gansearch.search.simulation.simulate import Cluster, Simulation, simulate

TABLE = Path(__file__).parent.parent / "results" / "search.md"
TABLES = Path(__file__).parent / "tables"
STUDIES = Path(__file__).parent / "studies"
MOMENTS = 400
NAMES = (*METHODS, ORACLE)
BASELINE = NAMES[0]
LIBRARIES = {"syne-moasha": "syne-tune", "neps-primo": "neural-pipeline-search"}

KEPT = TypeAdapter(Worth)

Case = tuple[str, str, int]
"""Problem, method, seed."""


@cache
def problems() -> dict[str, Problem]:
    """Every problem by name; tables that are recorded among them."""
    tables = {p.parent.name: load_table(p.parent) for p in sorted(TABLES.glob(f"*/{RUNS}"))}
    return {
        **FUNCTIONS,
        **QUALITIES,
        **{each.name: each for each in (Surrogate(), load_nas_bench())},
        **tables,
    }


def budget_of(problem: Problem, trainings: int) -> float:
    """GPU-seconds of so many full trainings of configurations drawn by chance."""
    full = problem.space.budget.max_kimg
    names = [objective.metric for objective in problem.space.objectives]
    if "seconds_per_kimg" in names:
        seconds = full * problem.usual[:, names.index("seconds_per_kimg")]
    else:
        curves = (problem.run(params, seed=0) for params in drawn(problem))
        seconds = np.array([curve.seconds(0.0, full) for curve in curves])
    return trainings * float(seconds[np.isfinite(seconds)].mean())


def study(case: Case, trainings: int, workers: int) -> Worth:
    """One simulated study, measured: as it is kept, or simulated now and kept."""
    file = STUDIES / ("-".join(map(str, (*case, trainings, workers))) + ".json")
    if file.exists():
        return KEPT.validate_json(file.read_bytes())
    found = worth(problems()[case[0]], simulated(case, trainings, workers))
    part = file.with_suffix(f".{os.getpid()}")
    part.write_bytes(KEPT.dump_json(found))
    part.replace(file)
    return found


def simulated(case: Case, trainings: int, workers: int) -> Simulation:
    """Simulate one study."""
    name, method, seed = case
    problem = problems()[name]
    space = problem.space
    budget = space.budget.model_copy(update={"trials": 40 * trainings})
    search = space.search.model_copy(update={"seed": seed, "sampler": "random"})
    searched = problem.with_space(space.model_copy(update={"budget": budget, "search": search}))
    limit = budget_of(problem, trainings)
    make = partial(Oracle, problem.optimal) if method == ORACLE else METHODS[method]
    return simulate(searched, Cluster(workers, seed=seed), make, limit)


def report(found: dict[Case, Worth], chosen: argparse.Namespace) -> str:
    """The tables as markdown."""
    used = [LIBRARIES[method] for method in chosen.methods if method in LIBRARIES]
    versions = ", ".join(f"{name} {version(name)}" for name in ("optuna", "ray", *used))
    lines = [
        "# Methods of search on simulated studies",
        "",
        f"{chosen.seeds} seeds from {chosen.first_seed}, {chosen.workers} workers, the GPU-seconds "
        f"of {chosen.trainings} full trainings. {platform.machine()}, Python "
        f"{platform.python_version()}, {versions}.",
        "",
        f"Command: `python -m benchmarks.search.compare {shlex.join(sys.argv[1:])}`",
        "",
        "Hypervolumes are computed from the true values of the fully trained trials, as a share of "
        "the true front's, at several parts of the budget. Share: the part of the budget after "
        f"which the mean hypervolume reaches what `{BASELINE}` has at its end, with 90% bootstrap "
        "intervals over seeds; `never` if it does not reach it. Found: front members that a "
        f"fully trained trial misses by at most {NEAR:.0%} of the front's extent. Falsely stopped: "
        "of the trials that nothing else in their study dominates in truth. Stopped early: "
        f"diverging trials that ended by {EARLY:.0%} of their budget. `{ORACLE}` knows the true "
        "front and trains only its members, in random order: no method that has to find them can "
        "be expected to be faster.",
        "",
        "The test functions and `gan-surrogate` share the structure that the surrogate of `ehvi` "
        "assumes, a smooth end and a smooth way to it; `digits` and `nasbench201` are recorded "
        "trainings, which need not.",
    ]
    lines += ["", "## Share of the budget, all problems", "", *_overview(found, chosen)]
    for name in chosen.problems:
        lines += ["", f"## {name}", "", *_rows(name, found, chosen)]
    return "\n".join([*lines, ""])


def _overview(found: dict[Case, Worth], chosen: argparse.Namespace) -> list[str]:
    columns = [_curves(name, found, chosen) for name in chosen.problems]
    rows = [f"| method | {' | '.join(chosen.problems)} |", "|---" * (1 + len(columns)) + "|"]
    for method in chosen.methods:
        shares = [share_to_reach(curves[method], curves[BASELINE])[0] for curves in columns]
        rows.append(f"| `{method}` | {' | '.join(map(_share, shares))} |")
    return rows


def _worths(
    name: str, found: dict[Case, Worth], chosen: argparse.Namespace
) -> dict[str, list[Worth]]:
    seeds = range(chosen.first_seed, chosen.first_seed + chosen.seeds)
    return {m: [found[name, m, seed] for seed in seeds] for m in chosen.methods}


def _curves(
    name: str, found: dict[Case, Worth], chosen: argparse.Namespace
) -> dict[str, NDArray[np.float64]]:
    """Hypervolume at the moments of the budget, ``[seeds, MOMENTS]``, by method."""
    limit = budget_of(problems()[name], chosen.trainings)
    moments = np.linspace(0, limit, MOMENTS + 1)[1:]
    worths = _worths(name, found, chosen)
    return {m: np.array([at(w.steps, moments) for w in each]) for m, each in worths.items()}


def _rows(name: str, found: dict[Case, Worth], chosen: argparse.Namespace) -> list[str]:
    worths, curves = _worths(name, found, chosen), _curves(name, found, chosen)
    rows = [
        "| method | share | at 1/8 | at 1/4 | at the end | found | falsely stopped | stopped early "
        "| trials |",
        "|---" * 9 + "|",
    ]
    for method, each in worths.items():
        share, low, high = share_to_reach(curves[method], curves[BASELINE])
        last = curves[method][:, -1]
        cells = [
            f"{_share(share)} ({_share(low)} to {_share(high)})",
            *(f"{curves[method][:, MOMENTS // part - 1].mean():.3f}" for part in (8, 4)),
            f"{last.mean():.3f} ± {1.645 * last.std() / math.sqrt(len(last)):.3f}",
            f"{np.mean([w.found for w in each]):.0%}",
            _pooled([w.falsely_stopped for w in each]),
            _pooled([w.stopped_early for w in each]),
            f"{np.mean([w.trials for w in each]):.0f}",
        ]
        rows.append(f"| `{method}` | {' | '.join(cells)} |")
    return rows


def _share(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "never"


def _pooled(counts: Sequence[Counted]) -> str:
    many = sum(count.many for count in counts)
    return f"{sum(count.some for count in counts) / many:.0%}" if many else ""


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    usual = [method for method in NAMES if method not in LIBRARIES]
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--problems", nargs="+", default=list(problems()), choices=problems())
    parser.add_argument("--methods", nargs="+", default=usual, choices=NAMES)
    parser.add_argument("--trainings", type=int, default=60)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--fresh", nargs="*", default=[], choices=NAMES)
    parser.add_argument("--out", type=Path, default=TABLE)
    chosen = parser.parse_args()
    STUDIES.mkdir(exist_ok=True)
    for method in chosen.fresh:
        for file in STUDIES.glob(f"*-{method}-*.json"):
            file.unlink()
    chosen.methods = list(dict.fromkeys([BASELINE, *chosen.methods]))
    seeds = range(chosen.first_seed, chosen.first_seed + chosen.seeds)
    cases: list[Case] = list(product(chosen.problems, chosen.methods, seeds))
    run = partial(study, trainings=chosen.trainings, workers=chosen.workers)
    with ProcessPoolExecutor(chosen.jobs, get_context("forkserver")) as pool:
        found = dict(zip(cases, pool.map(run, cases), strict=True))
    text = report(found, chosen)
    chosen.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
