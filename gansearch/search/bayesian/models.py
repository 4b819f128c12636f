"""Models of what configurations come to: the quality, the costs, and what breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from gansearch.search.bayesian.gaussian import Array, Gaussian, Indices, Kernel, fit

MOST, MOST_FITTED = 192, 128
"""Values that the quality's model is given, and that its hyperparameters are fitted to."""
LASTS = 2 / 3
"""Part of them, at most, that are the last ones of their trials."""
FURTHEST, PART = 8, 1 / 4
"""Trials, and the part of all, that came to the rung whose qualities give the scale."""
AFAR = 2.0
"""Units below its centre from which a quality is drawn in."""
FEW = 128
"""Trials that the other models are given: what they learn is smooth and hardly noisy."""


class Value(NamedTuple):
    """What a report tells.

    Attributes:
        number: of the trial.
        rung: that it came to, from 0; the last is the full budget.
        quality: minimised.
        seconds: for each kimg.
        costs: the objectives beside the quality, minimised.
    """

    number: int
    rung: int
    quality: float
    seconds: float
    costs: tuple[float, ...]


@dataclass(frozen=True)
class Known:
    """What was told of a study by some moment.

    Attributes:
        points: of every trial ``[D]``, by number.
        values: in the order of their moments.
        misses: by how much each trial that ended missed what it may not, in [-1, 1]; above 0 is
            missed.
    """

    points: Mapping[int, Array]
    values: Sequence[Value]
    misses: Mapping[int, float]

    @cached_property
    def last(self) -> dict[int, Value]:
        """The last value of each trial."""
        return {value.number: value for value in self.values}

    def at(self, numbers: Sequence[int]) -> Array:
        """The points ``[N, D]`` of some trials."""
        width = len(next(iter(self.points.values())))
        return np.array([self.points[number] for number in numbers]).reshape(-1, width)


@dataclass(frozen=True)
class Scale:
    """Makes values ones that a model takes: about 0, of the order of 1.

    Attributes:
        centre, unit: of the model's values.
        logarithmic: whether values are logarithms first.
        drawn_in: whether what is far from the centre is drawn in: above it, so that failures do not
            drown what the good ones differ in; below it less, and from afar.
    """

    centre: float
    unit: float
    logarithmic: bool = False
    drawn_in: bool = False

    def __call__(self, values: Array) -> Array:
        """The values of the model."""
        scaled = ((np.log(values) if self.logarithmic else values) - self.centre) / self.unit
        if self.drawn_in:
            below = AFAR * np.arcsinh(scaled / AFAR)
            return np.where(scaled > 0, np.log1p(np.maximum(scaled, 0)), below)
        return scaled

    def back(self, scaled: Array) -> Array:
        """What the values of a model stand for, where it does not draw in."""
        found: Array = scaled * self.unit + self.centre
        return np.exp(found) if self.logarithmic else found

    @classmethod
    def of_quality(cls, values: Array) -> Scale:
        """From the median down to the best tenth is the unit."""
        centre = float(np.median(values))
        unit = centre - float(np.quantile(values, 0.1))
        return cls(centre, unit or float(values.std()) or 1.0, drawn_in=True)

    @classmethod
    def of_cost(cls, values: Array) -> Scale:
        """By mean and standard deviation, of logarithms where all are above 0."""
        logarithmic = bool((values > 0).all())
        measured = np.log(values) if logarithmic else values
        return cls(float(measured.mean()), float(measured.std()) or 1.0, logarithmic)


class Settings(NamedTuple):
    """Scales and kernels of every model; ``risk`` is ``None`` while nothing was missed."""

    quality: tuple[Scale, Kernel]
    costs: Sequence[tuple[Scale, Kernel]]
    risk: Kernel | None


def fit_settings(group: Indices, known: Known, rungs: int) -> Settings:
    """The settings that suit what is known; deterministic.

    Args:
        group: ``[D]``, the parameter that each column of a point belongs to.
        known: at least one value.
        rungs: how many there are, the full budget among them.
    """
    last = list(known.last.values())
    scale = Scale.of_quality(_furthest(known.values, last))
    chosen = _telling(known, MOST_FITTED)
    quality = scale, fit(group, *_of_quality(known, chosen, scale), rungs)
    few = _chosen(last, FEW)
    points = known.at([value.number for value in few])
    costs = []
    for column in _costs(few).T:
        scale = Scale.of_cost(column)
        costs.append((scale, fit(group, points, _flat(points), scale(column), 1)))
    risk = None
    if max(known.misses.values(), default=-1.0) > 0:
        points, misses = _of_risk(known)
        risk = fit(group, points, _flat(points), misses, 1)
    return Settings(quality, costs, risk)


class Models:
    """The models, given what is known.

    Args:
        settings: of them.
        known: at least one value.
    """

    def __init__(self, settings: Settings, known: Known) -> None:
        self.scale, kernel = settings.quality
        chosen = _telling(known, MOST)
        self.quality = Gaussian(kernel, *_of_quality(known, chosen, self.scale))
        few = _chosen(list(known.last.values()), FEW)
        points = known.at([value.number for value in few])
        self._costs = [
            (scale, Gaussian(kernel, points, _flat(points), scale(column)))
            for (scale, kernel), column in zip(settings.costs, _costs(few).T, strict=True)
        ]
        self._risk = None
        if settings.risk is not None:
            points, misses = _of_risk(known)
            self._risk = Gaussian(settings.risk, points, _flat(points), misses)

    def costs(self, points: Array) -> Array:
        """Seconds for each kimg and the objectives beside the quality, ``[N, M]``."""
        columns = [scale.back(model.predict(points)[0]) for scale, model in self._costs]
        return np.stack(columns, axis=1)

    def misses(self, points: Array) -> tuple[Array, Array]:
        """Means and standard deviations ``[N]`` of what is missed."""
        if self._risk is None:
            return np.full(len(points), -1.0), np.zeros(len(points))
        return self._risk.predict(points)


def _of_quality(
    known: Known, chosen: Sequence[Value], scale: Scale
) -> tuple[Array, Indices, Array]:
    rungs = np.array([value.rung for value in chosen])
    qualities = scale(np.array([value.quality for value in chosen]))
    return known.at([value.number for value in chosen]), rungs, qualities


def _of_risk(known: Known) -> tuple[Array, Array]:
    newest = dict(list(known.misses.items())[-FEW:])
    return known.at(list(newest)), np.array(list(newest.values()))


def _costs(values: Sequence[Value]) -> Array:
    return np.array([(value.seconds, *value.costs) for value in values])


def _flat(points: Array) -> Indices:
    """For models without rungs."""
    return np.zeros(len(points), dtype=np.int64)


def _furthest(values: Sequence[Value], last: Sequence[Value]) -> Array:
    """The qualities at the furthest rung to which enough trials came, and beyond it."""
    enough = min(len(last), max(FURTHEST, int(PART * len(last))))
    rung = sorted(value.rung for value in last)[-enough]
    return np.array([value.quality for value in values if value.rung >= rung])


def _telling(known: Known, most: int) -> Sequence[Value]:
    """So many values at most: the last ones of trials tell more than those before them."""
    if len(known.values) <= most:
        return known.values
    lasts = _chosen(list(known.last.values()), int(LASTS * most))
    earlier = [value for value in known.values if known.last[value.number] is not value]
    others = _chosen(earlier, most - len(lasts))
    return [*lasts, *others]


def _chosen(values: Sequence[Value], most: int) -> Sequence[Value]:
    """So many values at most: the newest half, and others by chance."""
    if len(values) <= most:
        return values
    split = len(values) - most // 2
    others = np.random.default_rng(len(values)).permutation(split)[: most - most // 2]
    return [*(values[i] for i in sorted(others)), *values[split:]]
