"""A table of GAN runs that were really trained, for the simulator: :class:`TableProblem`.

A table is a folder:

================  =================================================================================
``space.yaml``    the space, all of it lists, so that it is a grid; its rungs and its full budget
                  are the points of each curve
``runs.csv.gz``   a run a row: the parameters by name (empty where a run has none), ``seed``,
                  ``outcome`` (completed or diverged), ``reason``, ``diverged_at`` (kimg),
                  ``seconds_per_kimg``, ``peak_memory_mib``, and the quality at each point as
                  ``METRIC@KIMG``, empty from where it diverged on
``README.md``     what it is, how it was recorded, on what
================  =================================================================================
"""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gansearch.errors import DataError
from gansearch.pareto import Points, non_dominated
from gansearch.record import Outcome
from gansearch.search.samplers.base import key_of
from gansearch.search.samplers.grid import enumerate_points
from gansearch.search.simulation.simulate import Curve
from gansearch.settings import Params
from gansearch.space import Space, load_space

RUNS = "runs.csv.gz"
SPACE = "space.yaml"
COSTS = ("seconds_per_kimg", "peak_memory_mib")
ENDS = (Outcome.COMPLETED, Outcome.DIVERGED)


@dataclass(frozen=True)
class Run:
    """One training run of a table.

    Attributes:
        params: its configuration.
        seed: of the training.
        curve: what it gave.
    """

    params: Params
    seed: int
    curve: Curve


@dataclass(frozen=True)
class TableProblem:
    """A search over recorded runs: every configuration of the space was trained, once or more.

    A trial's seed picks one of its configuration's runs.

    Attributes:
        name: of the table.
        space: what is searched.
        runs: at least one per configuration, by its
            :func:`gansearch.search.samplers.base.key_of`.
    """

    name: str
    space: Space
    runs: Mapping[str, Sequence[Run]]

    @cached_property
    def front(self) -> Points:
        """The front of the configurations' means over their seeds."""
        return np.array([self.truth(params) for params in self.optimal])

    @cached_property
    def optimal(self) -> Sequence[Params]:
        """The configurations behind it."""
        finite = np.flatnonzero(np.isfinite(self.usual).all(axis=1))
        configurations = [runs[0].params for runs in self.runs.values()]
        return [configurations[i] for i in finite[non_dominated(self.usual[finite])]]

    @cached_property
    def usual(self) -> Points:
        """Objectives of every configuration."""
        return np.array([self.truth(runs[0].params) for runs in self.runs.values()])

    def truth(self, params: Params) -> NDArray[np.float64]:
        """The means over the seeds at the full budget; infinite where one of them diverged."""
        curves = [run.curve for run in self.runs[key_of(params)]]
        if any(math.isfinite(curve.diverges_at) for curve in curves):
            return np.full(len(self.space.objectives), np.inf)
        reports = [curve.report(self.space.budget.max_kimg).metrics for curve in curves]
        names = [objective.metric for objective in self.space.objectives]
        mean: NDArray[np.float64] = np.mean([[r[n] for n in names] for r in reports], axis=0)
        return mean

    def run(self, params: Params, seed: int) -> Curve:
        """One of the runs of ``params``."""
        runs = self.runs[key_of(params)]
        return runs[seed % len(runs)].curve

    def with_space(self, space: Space) -> TableProblem:
        """The same table, searched as ``space`` says."""
        return replace(self, space=space)


def load_table(folder: Path) -> TableProblem:
    """A recorded table.

    Raises:
        SpaceError: its space is wrong.
        DataError: a column, a run or a value is missing or wrong; with the row.
    """
    space = load_space(folder / SPACE)
    points = {
        _cells(params, _names(space)): params
        for params in map(space.plain, enumerate_points(space))
    }
    runs: dict[str, list[Run]] = {key_of(params): [] for params in points.values()}
    for line, row in enumerate(_rows(folder / RUNS, _columns(space)), start=2):
        where = f"{folder / RUNS}, line {line}"
        params = points.get(tuple(row[name] for name in _names(space)))
        if params is None:
            raise DataError(f"{where}: the space has no such configuration")
        try:
            run = Run(params, int(row["seed"]), _curve(space, row))
        except (ValueError, KeyError) as error:
            raise DataError(f"{where}: {error}") from None
        if any(run.seed == other.seed for other in runs[key_of(params)]):
            raise DataError(f"{where}: seed {run.seed} of this configuration is there already")
        runs[key_of(params)].append(run)
    missing = [key for key, found in runs.items() if not found]
    if missing:
        raise DataError(
            f"{folder / RUNS}: {len(missing)} of {len(runs)} configurations have no run, such as "
            f"{missing[0]}"
        )
    return TableProblem(space.name, space, runs)


def write_table(folder: Path, space: Space, rows: Iterable[Mapping[str, str]]) -> None:
    """Write the runs of a table; the same rows give the same bytes."""
    columns = _columns(space)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: [row[column] for column in columns]))
    (folder / RUNS).write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def row_of(space: Space, params: Params, curve: Curve, seed: int, reason: str) -> dict[str, str]:
    """A run as a row; ``reason`` says why it ended, empty for a completed one."""
    quality = space.quality.metric
    values = dict(zip(curve.kimg, curve.quality[quality], strict=True))
    diverged = math.isfinite(curve.diverges_at)
    return {
        **dict(zip(_names(space), _cells(params, _names(space)), strict=True)),
        "seed": str(seed),
        "outcome": (Outcome.DIVERGED if diverged else Outcome.COMPLETED).value,
        "reason": reason,
        "diverged_at": f"{curve.diverges_at:g}" if diverged else "",
        **{cost: f"{getattr(curve, cost):.5g}" for cost in COSTS},
        **{_at(quality, p): f"{values[p]:.6g}" if p in values else "" for p in _points(space)},
    }


def _curve(space: Space, row: Mapping[str, str]) -> Curve:
    quality = space.quality.metric
    outcome = Outcome(row["outcome"])
    if outcome not in ENDS:
        raise ValueError(f"outcome {outcome} is none of a recorded run's: {', '.join(ENDS)}")
    known = [p for p in _points(space) if row[_at(quality, p)]]
    values = tuple(float(row[_at(quality, point)]) for point in known)
    costs = [float(row[cost]) for cost in COSTS]
    if not all(map(math.isfinite, (*values, *costs))) or min(costs) <= 0:
        raise ValueError("a quality or cost that is not finite, or a cost that is not above 0")
    diverged_at = math.inf
    if outcome == Outcome.DIVERGED:
        diverged_at = float(row["diverged_at"])
    if known != [p for p in _points(space) if p < diverged_at]:
        raise ValueError(f"{quality} should be known at every point before it diverged, if it did")
    return Curve(tuple(known), {quality: values}, costs[0], costs[1], diverged_at)


def _rows(file: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        with gzip.open(file, "rt", newline="") as stream:
            reader = csv.DictReader(stream)
            rows = list(reader)
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error}") from None
    absent = [column for column in columns if column not in (reader.fieldnames or ())]
    if absent:
        raise DataError(f"{file}: has no column {', '.join(absent)}")
    return rows


def _columns(space: Space) -> list[str]:
    measured = [_at(space.quality.metric, point) for point in _points(space)]
    return [*_names(space), "seed", "outcome", "reason", "diverged_at", *COSTS, *measured]


def _names(space: Space) -> list[str]:
    names = dict.fromkeys(name for variant in space.variant for name in space.searched[variant])
    return ["variant", *sorted(names)]


def _points(space: Space) -> tuple[float, ...]:
    return (*space.budget.rungs, space.budget.max_kimg)


def _cells(params: Params, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(params.get(name, "")) for name in names)


def _at(metric: str, kimg: float) -> str:
    return f"{metric}@{kimg:g}"
