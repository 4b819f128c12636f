"""Problems with known answers for the simulator: public test functions as learning curves.

Each takes one objective for the quality and the others for what training costs:
``seconds_per_kimg`` and, where there are three, ``peak_memory_mib``. So a cheap configuration is
cheap to try as well, as it is with GANs. Some configurations learn faster than others, so curves
cross, and values are noisy where the problem says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.samplers import RandomSampler

from gansearch.pareto import Points, non_dominated
from gansearch.search.simulation.simulate import Curve
from gansearch.search.simulation.simulate import Problem as Simulated
from gansearch.settings import Params
from gansearch.space import Space

MAX_KIMG = 27.0
RUNGS = (1.0, 3.0, 9.0)
METRICS = ("fid", "seconds_per_kimg", "peak_memory_mib")
"""The objectives, in this order: a function of two has the first two."""


class Problem(Simulated, Protocol):
    """A simulated problem whose answer is known."""

    @property
    def name(self) -> str:
        """Of the problem."""

    @property
    def front(self) -> Points:
        """The true front, ``[N, M]``, minimised, in the order of the space's objectives."""

    @property
    def optimal(self) -> Sequence[Params]:
        """Configurations that come to the true front's members, in their order."""

    @property
    def usual(self) -> Points:
        """Values of random configurations, ``[N, M]``; infinite where they diverge.

        The same ones at every call.
        """

    def truth(self, params: Params) -> NDArray[np.float64]:
        """Objectives ``[M]`` of ``params`` at the full budget; infinite if they diverge."""

    def with_space(self, space: Space) -> Problem:
        """The same problem, searched as ``space`` says."""


class FunctionSpace(Space):
    """A space over a function's own parameters: no variant has them, no paper has defaults."""

    def entries(self, variant: str) -> dict[str, tuple[str, str]]:  # noqa: ARG002 - Space's
        """Every parameter is the function's."""
        return {name: ("parameters", name) for name in self.parameters}

    def defaults(self) -> list[Params]:
        """None."""
        return []


def function_space(name: str, parameters: Mapping[str, Any], objectives: int) -> Space:
    """A space of so many objectives over ``parameters``."""
    return FunctionSpace.model_validate(
        {
            "name": name,
            "variant": (name,),
            "parameters": parameters,
            "objectives": tuple(
                {"metric": metric, "direction": "minimize"} for metric in METRICS[:objectives]
            ),
            "budget": {"max_kimg": MAX_KIMG, "rungs": RUNGS},
        }
    )


def way_left(space: Space, point: NDArray[np.float64]) -> dict[float, float]:
    """The share of a training's way to its end that is left at each kimg with a report.

    At a share s of the full budget it is ``(1 - s) · e^(-s/τ)``. Slowness τ is from 0.05 to 0.5, by
    a hash-like wave over a configuration's point in [0, 1], so that some show late what they are
    worth.
    """
    slowness = 0.05 + 0.225 * (1 + math.sin(7.0 * float(point.sum()) + 3.0 * float(point[0])))
    full = space.budget.max_kimg
    kimg = (*space.budget.rungs, full)
    return {each: (1 - each / full) * math.exp(-each / full / slowness) for each in kimg}


def drawn(problem: Problem, count: int = 512) -> list[Params]:
    """Return ``count`` random configurations, the same ones at every call."""
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    return [problem.space.plain(problem.space.sample(study.ask())) for _ in range(count)]


def drawn_values(problem: Problem, count: int = 512) -> Points:
    """Values of ``count`` random configurations, ``[count, M]``."""
    return np.array([problem.truth(params) for params in drawn(problem, count)])


def corner(problem: Problem) -> NDArray[np.float64]:
    """The corner ``[M]`` up to which hypervolume counts.

    It is a tenth of the front's extent beyond the front's worst values, and where three of four
    configurations by chance are better yet, there: so that chance has a hypervolume as well.
    """
    worst, best = problem.front.max(axis=0), problem.front.min(axis=0)
    usual = problem.usual[np.isfinite(problem.usual).all(axis=1)]
    found: NDArray[np.float64] = np.maximum(
        worst + 0.1 * (worst - best), np.quantile(usual, 0.75, axis=0)
    )
    return found


# --- Public functions ----------------------------------------------------------------------------

Function = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""``[N, D]`` in [0, 1] to ``[N, M]``, minimised: quality first, the others at least 0."""


@dataclass(frozen=True)
class FunctionProblem:
    """A test function as learning curves.

    Quality is its final value plus the way that is left to go (:func:`way_left`).

    Attributes:
        name: of the function.
        space: what is searched.
        function: its values.
        dimensions: of its domain, the unit cube.
        pareto_set: points of the domain that are the true front, ``[N, D]``, or more.
        gap: between the first value and the last, in units of quality.
        noise: standard deviation of each value that is reported, in units of quality.
    """

    name: str
    space: Space
    function: Function
    dimensions: int
    pareto_set: Callable[[], NDArray[np.float64]]
    gap: float = 2.0
    noise: float = 0.0

    @cached_property
    def front(self) -> Points:
        """The true front."""
        return self._costed(self.function(self._optimal))

    @property
    def optimal(self) -> Sequence[Params]:
        """The configurations behind it."""
        names = [f"x{i + 1}" for i in range(self.dimensions)]
        rows = self._optimal.tolist()
        return [{"variant": self.name, **dict(zip(names, row, strict=True))} for row in rows]

    @cached_property
    def usual(self) -> Points:
        """Values of random configurations."""
        return drawn_values(self)

    def truth(self, params: Params) -> NDArray[np.float64]:
        """Objectives of ``params`` at the full budget."""
        values: NDArray[np.float64] = self._costed(self.function(self._point(params)[None]))[0]
        return values

    def run(self, params: Params, seed: int) -> Curve:
        """The training of ``params``."""
        left, values = way_left(self.space, self._point(params)), self.truth(params)
        noise = self.noise * np.random.default_rng(seed).standard_normal(len(left))
        quality = values[0] + self.gap * np.array(list(left.values())) + noise
        memory = float(values[2]) if len(values) > 2 else 1.0
        return Curve(tuple(left), {"fid": tuple(map(float, quality))}, float(values[1]), memory)

    def with_space(self, space: Space) -> FunctionProblem:
        """The same problem, searched as ``space`` says."""
        return replace(self, space=space)

    @cached_property
    def _optimal(self) -> NDArray[np.float64]:
        points = self.pareto_set()
        found: NDArray[np.float64] = points[non_dominated(self._costed(self.function(points)))]
        return found

    def _point(self, params: Params) -> NDArray[np.float64]:
        return np.array([float(params[f"x{i + 1}"]) for i in range(self.dimensions)])

    def _costed(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        # No training is for nothing: costs begin at 0.2.
        costed: NDArray[np.float64] = values + ([0.0] + [0.2] * (values.shape[1] - 1))
        return costed


def unit_cube(name: str, dimensions: int, objectives: int) -> Space:
    """A space over x1, x2, … in [0, 1]."""
    ranges = {f"x{i + 1}": {"type": "float", "low": 0, "high": 1} for i in range(dimensions)}
    return function_space(name, ranges, objectives)


def branin_currin(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Branin (quality, divided by 50) and Currin (cost, divided by 10) (Belakaria et al. 2019)."""
    u, v = 15 * x[:, 0] - 5, 15 * x[:, 1]
    branin = (v - 5.1 / (4 * np.pi**2) * u**2 + 5 / np.pi * u - 6) ** 2
    branin = branin + 10 * (1 - 1 / (8 * np.pi)) * np.cos(u) + 10
    a, b = x[:, 0], np.maximum(x[:, 1], 1e-9)
    currin = (1 - np.exp(-0.5 / b)) * (2300 * a**3 + 1900 * a**2 + 2092 * a + 60)
    currin = currin / (100 * a**3 + 500 * a**2 + 4 * a + 20)
    return np.stack([branin / 50, currin / 10], axis=1)


def zdt(shape: Callable[[Any, Any], Any]) -> Function:
    """Zitzler, Deb, Thiele 2000: f₁ = x₁ is the cost, f₂ = g·h(f₁, g) the quality."""

    def function(x: NDArray[np.float64]) -> NDArray[np.float64]:
        g = 1 + 9 * x[:, 1:].mean(axis=1)
        return np.stack([g * shape(x[:, 0], g), x[:, 0]], axis=1)

    return function


def dtlz2(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Deb et al. 2002: the front is a sphere's octant, where all but x1 and x2 are 0.5."""
    g = 1 + ((x[:, 2:] - 0.5) ** 2).sum(axis=1)
    a, b = x[:, 0] * np.pi / 2, x[:, 1] * np.pi / 2
    return np.stack([g * np.sin(a), g * np.cos(a) * np.sin(b), g * np.cos(a) * np.cos(b)], axis=1)


def _edge(dimensions: int) -> Callable[[], NDArray[np.float64]]:
    def points() -> NDArray[np.float64]:
        return np.pad(np.linspace(0, 1, 501)[:, None], ((0, 0), (0, dimensions - 1)))

    return points


def _square(steps: int) -> NDArray[np.float64]:
    axis = np.linspace(0, 1, steps)
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)


def _octant() -> NDArray[np.float64]:
    return np.pad(_square(21), ((0, 0), (0, 3)), constant_values=0.5)


ZDT_SHAPES: dict[str, Callable[[Any, Any], Any]] = {
    "zdt1": lambda f, g: 1 - np.sqrt(f / g),
    "zdt2": lambda f, g: 1 - (f / g) ** 2,
    "zdt3": lambda f, g: 1 - np.sqrt(f / g) - f / g * np.sin(10 * np.pi * f),
}

FUNCTIONS: dict[str, FunctionProblem] = {
    "branin-currin": FunctionProblem(
        "branin-currin",
        unit_cube("branin-currin", 2, 2),
        branin_currin,
        2,
        lambda: _square(201),
        noise=0.02,
    ),
    **{
        name: FunctionProblem(
            name, unit_cube(name, 5, 2), zdt(shape), 5, _edge(5), gap=4.0, noise=0.05
        )
        for name, shape in ZDT_SHAPES.items()
    },
    "dtlz2": FunctionProblem("dtlz2", unit_cube("dtlz2", 5, 3), dtlz2, 5, _octant, noise=0.02),
}
"""Public problems by name."""
