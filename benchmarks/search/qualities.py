"""Problems with several qualities, some of which grow with training; their fronts are known.

Each quality is best at a centre of its own in the unit cube and loses with the squared distance
from it, so the front of the qualities is the convex hull of the centres. Each is learnt at a pace
of its own, which differs between configurations. Where time is an objective, a coordinate of its
own makes training slower and, up to a point, every quality better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.problems import MAX_KIMG, RUNGS, FunctionSpace, drawn_values
from gansearch.metrics.catalog import METRICS
from gansearch.pareto import Points, non_dominated
from gansearch.search.simulation.simulate import Curve
from gansearch.settings import Params
from gansearch.space import Space

NAMES = ("x1", "x2", "x3", "size")
SIZE = 0.8
"""Of the best quality; a smaller one trains faster."""
MEMBERS = 400
"""Configurations that stand for the front, about."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Learnt:
    """A quality, and how training comes to it.

    Attributes:
        centre: where it is best, of x1, x2, x3.
        start: its value before any training.
        best: its value at the centre after the whole training.
        lost: by how much it is worse at a squared distance of 1.
        noise: standard deviation of each value that is reported.
    """

    centre: tuple[float, float, float]
    start: float
    best: float
    lost: float
    noise: float

    def end(self, point: Array) -> float:
        """Its value after the whole training of a configuration ``[4]``."""
        distance = float(((point - [*self.centre, SIZE]) ** 2).sum())
        return self.best + math.copysign(self.lost, self.start - self.best) * distance

    def pace(self, point: Array) -> float:
        """The share of the budget in which a configuration's way becomes shorter by a factor e."""
        wave = 7.0 * float(point.sum()) + 3.0 * float(point @ [*self.centre, 1.0])
        return 0.05 + 0.225 * (1 + math.sin(wave))


FID = Learnt((0.3, 0.4, 0.5), start=90.0, best=10.0, lost=60.0, noise=0.5)
RECALL = Learnt((0.7, 0.6, 0.5), start=0.0, best=0.8, lost=0.9, noise=0.01)
PRECISION = Learnt((0.3, 0.3, 0.5), start=0.0, best=0.9, lost=0.9, noise=0.01)
COVERAGE = Learnt((0.5, 0.7, 0.2), start=0.0, best=0.8, lost=0.8, noise=0.01)


@dataclass(frozen=True)
class QualityProblem:
    """Several qualities, and ``train_seconds`` where the space has it.

    Attributes:
        name: of the problem.
        space: what is searched.
        learnt: the qualities by their metrics.
    """

    name: str
    space: Space
    learnt: Mapping[str, Learnt]

    @cached_property
    def front(self) -> Points:
        """The true front."""
        return np.array([self.truth(params) for params in self.optimal])

    @cached_property
    def optimal(self) -> Sequence[Params]:
        """Members of the convex hull of the centres, at each size that may be on the front."""
        centres = np.array([learnt.centre for learnt in self.learnt.values()])
        timed = len(self.space.objectives) > len(centres)
        sizes = np.linspace(0, SIZE, 9) if timed else np.array([SIZE])
        weights = np.random.default_rng(0).dirichlet(np.ones(len(centres)), MEMBERS // len(sizes))
        points = [(*place, size) for place in [*centres, *weights @ centres] for size in sizes]
        found = [
            {"variant": self.name, **dict(zip(NAMES, map(float, point), strict=True))}
            for point in points
        ]
        kept = non_dominated(np.array([self.truth(params) for params in found]))
        return [params for params, keep in zip(found, kept, strict=True) if keep]

    @cached_property
    def usual(self) -> Points:
        """Values of random configurations."""
        return drawn_values(self)

    def truth(self, params: Params) -> Array:
        """Objectives of ``params`` at the full budget, minimised."""
        point = _point(params)
        ends = {name: learnt.end(point) for name, learnt in self.learnt.items()}
        values = {**ends, "train_seconds": _seconds_per_kimg(point) * MAX_KIMG}
        return np.array([o.minimised(values[o.metric]) for o in self.space.objectives])

    def run(self, params: Params, seed: int) -> Curve:
        """The training of ``params``."""
        luck, point = np.random.default_rng(seed), _point(params)
        share = np.array([*RUNGS, MAX_KIMG]) / MAX_KIMG
        curves = {}
        for name, learnt in self.learnt.items():
            end = learnt.end(point)
            left = (1 - share) * np.exp(-share / learnt.pace(point))
            noise = learnt.noise * luck.standard_normal(len(share))
            curves[name] = tuple(map(float, end + (learnt.start - end) * left + noise))
        return Curve((*RUNGS, MAX_KIMG), curves, _seconds_per_kimg(point), 1.0)

    def with_space(self, space: Space) -> QualityProblem:
        """The same problem, searched as ``space`` says."""
        return replace(self, space=space)


def _point(params: Params) -> Array:
    return np.array([float(params[name]) for name in NAMES])


def _seconds_per_kimg(point: Array) -> float:
    return 0.5 + float(point[3])


def _problem(name: str, learnt: Mapping[str, Learnt], costs: Sequence[str] = ()) -> QualityProblem:
    objectives = [
        {"metric": metric, "direction": METRICS[metric].direction} for metric in (*learnt, *costs)
    ]
    space = FunctionSpace.model_validate(
        {
            "name": name,
            "variant": (name,),
            "parameters": {each: {"type": "float", "low": 0, "high": 1} for each in NAMES},
            "objectives": objectives,
            "budget": {"max_kimg": MAX_KIMG, "rungs": RUNGS},
        }
    )
    return QualityProblem(name, space, learnt)


QUALITIES: dict[str, QualityProblem] = {
    problem.name: problem
    for problem in (
        _problem("fid-recall", {"fid": FID, "recall": RECALL}),
        _problem("fid-recall-time", {"fid": FID, "recall": RECALL}, ["train_seconds"]),
        _problem("recall-time", {"recall": RECALL}, ["train_seconds"]),
        _problem("three-grow", {"precision": PRECISION, "recall": RECALL, "coverage": COVERAGE}),
    )
}
"""By name."""
