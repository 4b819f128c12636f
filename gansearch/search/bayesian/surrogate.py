"""Surrogates of the qualities, the costs and the constraint violation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from gansearch.search.bayesian.calibration import inflation
from gansearch.search.bayesian.gp import Gaussian
from gansearch.search.bayesian.kernel import Array, Indices, Kernel, fit
from gansearch.search.noise import relative_scatter, standard_errors

MOST, MOST_FITTED = 192, 128
"""Maximum numbers of values for conditioning a quality's model, and for fitting its
hyperparameters."""
LASTS = 2 / 3
"""Maximum share of them that are the last values of their trials."""
FURTHEST, PART = 8, 1 / 4
"""Minimum number of trials, and their minimum share, at the rung that determines a quality's
scale."""
AFAR = 2.0
"""Distance below the centre, in units, from which a quality is compressed."""
FEW = 128
"""Maximum number of trials for the other models, whose functions are smooth with little noise."""


class Value(NamedTuple):
    """Observation of one report.

    Attributes:
        number: number of the trial.
        rung: index of the rung, from 0; the last is the full budget.
        qualities: objectives with learning curves, Q >= 1, minimised.
        costs: seconds per kimg, then the other objectives at the full budget, minimised; C values.
        errors: measured standard errors of the costs; 0 if unknown.
    """

    number: int
    rung: int
    qualities: tuple[float, ...]
    costs: tuple[float, ...]
    errors: tuple[float, ...]


@dataclass(frozen=True)
class Known:
    """Observations of a study before some moment.

    Attributes:
        points: points ``[D]`` of all trials, by number.
        values: values in the order of their moments.
        misses: constraint violation of each ended trial, in [-1, 1]; above 0 is infeasible.
        configurations: configurations of all trials, by number; equal ones differ at most in their
            seeds.
    """

    points: Mapping[int, Array]
    values: Sequence[Value]
    misses: Mapping[int, float]
    configurations: Mapping[int, str]

    @cached_property
    def last(self) -> dict[int, Value]:
        """The last value of each trial."""
        return {value.number: value for value in self.values}

    @cached_property
    def scatter(self) -> Array:
        """Relative scatter of each cost ``[C]`` between trainings of one configuration."""
        last = list(self.last.values())
        return relative_scatter(_costs(last), [self.configurations[v.number] for v in last])

    def errors(self, values: Sequence[Value]) -> Array:
        """Return standard errors ``[N, C]`` of the costs."""
        own = np.array([value.errors for value in values])
        return standard_errors(_costs(values), own, self.scatter)

    def at(self, numbers: Sequence[int]) -> Array:
        """Return the points ``[N, D]`` of some trials."""
        width = len(next(iter(self.points.values())))
        return np.array([self.points[number] for number in numbers]).reshape(-1, width)


@dataclass(frozen=True)
class Scale:
    """Transform of values to the scale of a model: centred, of order 1.

    Attributes:
        centre, unit: centre and unit of the transform.
        logarithmic: whether logarithms are taken first.
        drawn_in: whether values far from the centre are compressed. Above it, bad trials then do
            not hide the differences among good ones. Below it, the compression is weaker and starts
            further away.
    """

    centre: float
    unit: float
    logarithmic: bool = False
    drawn_in: bool = False

    def __call__(self, values: Array) -> Array:
        """Transform values to the model's scale."""
        scaled = ((np.log(values) if self.logarithmic else values) - self.centre) / self.unit
        if self.drawn_in:
            below = AFAR * np.arcsinh(scaled / AFAR)
            return np.where(scaled > 0, np.log1p(np.maximum(scaled, 0)), below)
        return scaled

    def errors(self, values: Array, errors: Array) -> Array:
        """Return standard errors on the model's scale, for a transform without compression."""
        found: Array = (errors / values if self.logarithmic else errors) / self.unit
        return found

    def back(self, scaled: Array) -> Array:
        """Invert the transform, if it has no compression."""
        found: Array = scaled * self.unit + self.centre
        return np.exp(found) if self.logarithmic else found

    @classmethod
    def of_quality(cls, values: Array) -> Scale:
        """Make a scale whose unit is the distance from the median to the best tenth."""
        centre = float(np.median(values))
        unit = centre - float(np.quantile(values, 0.1))
        return cls(centre, unit or float(values.std()) or 1.0, drawn_in=True)

    @classmethod
    def of_cost(cls, values: Array) -> Scale:
        """Make a scale by mean and standard deviation, of logarithms if all values are above 0."""
        logarithmic = bool((values > 0).all())
        measured = np.log(values) if logarithmic else values
        return cls(float(measured.mean()), float(measured.std()) or 1.0, logarithmic)


class Settings(NamedTuple):
    """Scales and kernels of all models; ``risk`` is ``None`` without a violation so far."""

    qualities: Sequence[tuple[Scale, Kernel]]
    costs: Sequence[tuple[Scale, Kernel]]
    risk: Kernel | None


def fit_settings(group: Indices, known: Known, rungs: int) -> Settings:
    """Fit scales and kernels to the observations; deterministic.

    Args:
        group: ``[D]``, the parameter of each column of a point.
        known: observations with at least one value.
        rungs: number of rungs, including the full budget.
    """
    last = list(known.last.values())
    chosen = _telling(known, MOST_FITTED)
    points, reached = _places(known, chosen)
    qualities = []
    for furthest, column in zip(_furthest(known.values, last).T, _qualities(chosen).T, strict=True):
        scale = Scale.of_quality(furthest)
        qualities.append((scale, fit(group, points, reached, scale(column), rungs)))
    few = _chosen(last, FEW)
    points = known.at([value.number for value in few])
    costs = []
    for column, errors in zip(_costs(few).T, known.errors(few).T, strict=True):
        scale = Scale.of_cost(column)
        own = scale.errors(column, errors)
        costs.append((scale, fit(group, points, _flat(points), scale(column), 1, own)))
    risk = None
    if max(known.misses.values(), default=-1.0) > 0:
        points, misses = _of_risk(known)
        risk = fit(group, points, _flat(points), misses, 1)
    return Settings(qualities, costs, risk)


class Models:
    """The surrogates, conditioned on observations.

    Args:
        settings: their scales and kernels.
        known: observations with at least one value.
    """

    def __init__(self, settings: Settings, known: Known) -> None:
        self._scales = [scale for scale, _ in settings.qualities]
        chosen = _telling(known, MOST)
        points, reached = _places(known, chosen)
        told = self.scaled(_qualities(chosen)).T
        numbers = np.array([value.number for value in chosen])
        self.qualities = [
            Gaussian(kernel, points, reached, column)
            for (_, kernel), column in zip(settings.qualities, told, strict=True)
        ]
        self.inflations = [inflation(model, numbers) for model in self.qualities]
        few = _chosen(list(known.last.values()), FEW)
        points = known.at([value.number for value in few])
        measured = zip(settings.costs, _costs(few).T, known.errors(few).T, strict=True)
        self._costs = [
            (s, Gaussian(kernel, points, _flat(points), s(column), s.errors(column, errors)))
            for (s, kernel), column, errors in measured
        ]
        self._risk = None
        if settings.risk is not None:
            points, misses = _of_risk(known)
            self._risk = Gaussian(settings.risk, points, _flat(points), misses)

    def scaled(self, qualities: Array) -> Array:
        """Return qualities ``[N, Q]`` on the models' scales."""
        columns = zip(self._scales, qualities.T, strict=True)
        return np.stack([scale(column) for scale, column in columns], axis=1)

    def costs(self, points: Array) -> Array:
        """Return seconds per kimg and the objectives other than qualities, ``[N, C]``."""
        columns = [scale.back(model.predict(points)[0]) for scale, model in self._costs]
        return np.stack(columns, axis=1)

    def misses(self, points: Array) -> tuple[Array, Array]:
        """Return means and standard deviations ``[N]`` of the constraint violation."""
        if self._risk is None:
            return np.full(len(points), -1.0), np.zeros(len(points))
        return self._risk.predict(points)


def _places(known: Known, chosen: Sequence[Value]) -> tuple[Array, Indices]:
    """Return the points ``[N, D]`` and rungs ``[N]`` of values."""
    points = known.at([value.number for value in chosen])
    return points, np.array([value.rung for value in chosen])


def _of_risk(known: Known) -> tuple[Array, Array]:
    newest = dict(list(known.misses.items())[-FEW:])
    return known.at(list(newest)), np.array(list(newest.values()))


def _qualities(values: Sequence[Value]) -> Array:
    return np.array([value.qualities for value in values])


def _costs(values: Sequence[Value]) -> Array:
    return np.array([value.costs for value in values])


def _flat(points: Array) -> Indices:
    """Return rungs for models without rungs."""
    return np.zeros(len(points), dtype=np.int64)


def _furthest(values: Sequence[Value], last: Sequence[Value]) -> Array:
    """Return the qualities at the last rung with enough trials, and beyond it."""
    enough = min(len(last), max(FURTHEST, int(PART * len(last))))
    rung = sorted(value.rung for value in last)[-enough]
    return _qualities([value for value in values if value.rung >= rung])


def _telling(known: Known, most: int) -> Sequence[Value]:
    """Return at most ``most`` values, preferring the last values of trials as more informative."""
    if len(known.values) <= most:
        return known.values
    lasts = _chosen(list(known.last.values()), int(LASTS * most))
    earlier = [value for value in known.values if known.last[value.number] is not value]
    others = _chosen(earlier, most - len(lasts))
    return [*lasts, *others]


def _chosen(values: Sequence[Value], most: int) -> Sequence[Value]:
    """Return at most ``most`` values: the newest half, and random others."""
    if len(values) <= most:
        return values
    split = len(values) - most // 2
    others = np.random.default_rng(len(values)).permutation(split)[: most - most // 2]
    return [*(values[i] for i in sorted(others)), *values[split:]]
