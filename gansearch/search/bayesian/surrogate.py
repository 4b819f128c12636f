"""Surrogates of the qualities, the costs and the constraint violation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gansearch.search.bayesian.calibration import inflation_factors
from gansearch.search.bayesian.gp import GaussianProcess
from gansearch.search.bayesian.kernel import Array, Indices, Kernel, fit
from gansearch.search.bayesian.observations import Observation, Snapshot, costs_of, qualities_of

MAX_CONDITIONED = 192
"""Maximum number of reports on which a quality's surrogate is conditioned, whose time grows with
their cube."""
MAX_FITTED = 128
"""Maximum number of reports to which a quality's hyperparameters are fitted; fewer, because each
iteration of the fit conditions on them again."""
MAX_LAST_SHARE = 2 / 3
"""Maximum share of these reports that are the last ones of their trials. The others show how values
change between rungs."""
MIN_SCALE_TRIALS = 8
"""Minimum number of trials at the rung that determines a quality's scale."""
MIN_SCALE_SHARE = 1 / 4
"""Minimum share of the trials at the rung that determines a quality's scale, so that it is not that
of a few good trials."""
COMPRESSION_START = 2.0
"""Distance below the centre, in units of the scale, from which a quality is compressed."""
MAX_TRIALS = 128
"""Maximum number of trials on which the surrogates of costs and of the constraint violation are
conditioned; fewer than for a quality, because these functions are smooth with little noise."""


@dataclass(frozen=True)
class Scale:
    """Transform of values to the scale of a surrogate: centred, of order 1.

    Attributes:
        centre, unit: centre and unit of the transform.
        is_logarithmic: whether logarithms are taken first.
        is_compressed: whether values far from the centre are compressed. Above it, bad trials then
            do not hide the differences among good ones. Below it, the compression is weaker and
            starts further away.
    """

    centre: float
    unit: float
    is_logarithmic: bool = False
    is_compressed: bool = False

    def __call__(self, values: Array) -> Array:
        """Transform values to the surrogate's scale."""
        scaled = ((np.log(values) if self.is_logarithmic else values) - self.centre) / self.unit
        if self.is_compressed:
            below = COMPRESSION_START * np.arcsinh(scaled / COMPRESSION_START)
            return np.where(scaled > 0, np.log1p(np.maximum(scaled, 0)), below)
        return scaled

    def errors(self, values: Array, errors: Array) -> Array:
        """Return standard errors on the surrogate's scale, if it has no compression."""
        scaled: Array = (errors / values if self.is_logarithmic else errors) / self.unit
        return scaled

    def inverse(self, scaled: Array) -> Array:
        """Invert the transform, if it has no compression."""
        values: Array = scaled * self.unit + self.centre
        return np.exp(values) if self.is_logarithmic else values

    @classmethod
    def of_quality(cls, values: Array) -> Scale:
        """Make a scale whose unit is the distance from the median to the best tenth."""
        centre = float(np.median(values))
        unit = centre - float(np.quantile(values, 0.1))
        return cls(centre, unit or float(values.std()) or 1.0, is_compressed=True)

    @classmethod
    def of_cost(cls, values: Array) -> Scale:
        """Make a scale by mean and standard deviation, of logarithms if all values are above 0."""
        is_logarithmic = bool((values > 0).all())
        transformed = np.log(values) if is_logarithmic else values
        return cls(float(transformed.mean()), float(transformed.std()) or 1.0, is_logarithmic)


class Hyperparameters(NamedTuple):
    """Scales and kernels of all surrogates; ``violation`` is ``None`` if none was positive."""

    qualities: Sequence[tuple[Scale, Kernel]]
    costs: Sequence[tuple[Scale, Kernel]]
    violation: Kernel | None


def fit_hyperparameters(group: Indices, snapshot: Snapshot, rungs: int) -> Hyperparameters:
    """Fit scales and kernels to the observations; deterministic.

    Args:
        group: ``[D]``, the parameter of each column of a kernel input.
        snapshot: observations with at least one report.
        rungs: number of rungs, including the full budget.
    """
    last = list(snapshot.last.values())
    chosen = _most_informative(snapshot, MAX_FITTED)
    inputs, reached = _inputs_and_rungs(snapshot, chosen)
    qualities = []
    latest = _latest_qualities(snapshot.reports, last)
    for at_latest, column in zip(latest.T, qualities_of(chosen).T, strict=True):
        scale = Scale.of_quality(at_latest)
        qualities.append((scale, fit(group, inputs, reached, scale(column), rungs)))
    few = _subset(last, MAX_TRIALS)
    inputs = snapshot.inputs_of([report.number for report in few])
    costs = []
    for column, errors in zip(costs_of(few).T, snapshot.errors(few).T, strict=True):
        scale = Scale.of_cost(column)
        scaled = scale.errors(column, errors)
        costs.append((scale, fit(group, inputs, _one_rung(inputs), scale(column), 1, scaled)))
    violation = None
    if max(snapshot.violations.values(), default=-1.0) > 0:
        inputs, values = _violations_of(snapshot)
        violation = fit(group, inputs, _one_rung(inputs), values, 1)
    return Hyperparameters(qualities, costs, violation)


class Surrogates:
    """The surrogates, conditioned on observations.

    Args:
        hyperparameters: their scales and kernels.
        snapshot: observations with at least one report.

    Attributes:
        qualities: a Gaussian process per quality.
        inflation_factors: factors ``[R - 1]`` of each quality's deviations.
    """

    def __init__(self, hyperparameters: Hyperparameters, snapshot: Snapshot) -> None:
        self._scales = [scale for scale, _ in hyperparameters.qualities]
        chosen = _most_informative(snapshot, MAX_CONDITIONED)
        inputs, reached = _inputs_and_rungs(snapshot, chosen)
        scaled = self.scale(qualities_of(chosen)).T
        numbers = np.array([report.number for report in chosen])
        self.qualities = [
            GaussianProcess(kernel, inputs, reached, column)
            for (_, kernel), column in zip(hyperparameters.qualities, scaled, strict=True)
        ]
        self.inflation_factors = [inflation_factors(each, numbers) for each in self.qualities]
        few = _subset(list(snapshot.last.values()), MAX_TRIALS)
        inputs = snapshot.inputs_of([report.number for report in few])
        rungs, errors = _one_rung(inputs), snapshot.errors(few)
        measured = zip(hyperparameters.costs, costs_of(few).T, errors.T, strict=True)
        self._costs = [
            (s, GaussianProcess(kernel, inputs, rungs, s(column), s.errors(column, error)))
            for (s, kernel), column, error in measured
        ]
        self._violation = None
        if hyperparameters.violation is not None:
            inputs, values = _violations_of(snapshot)
            self._violation = GaussianProcess(
                hyperparameters.violation, inputs, _one_rung(inputs), values
            )

    def scale(self, qualities: Array) -> Array:
        """Transform qualities ``[N, Q]`` to the surrogates' scales."""
        columns = zip(self._scales, qualities.T, strict=True)
        return np.stack([scale(column) for scale, column in columns], axis=1)

    def costs(self, inputs: Array) -> Array:
        """Predict seconds per kimg and the objectives other than qualities, ``[N, C]``."""
        columns = [scale.inverse(process.predict(inputs)[0]) for scale, process in self._costs]
        return np.stack(columns, axis=1)

    def violations(self, inputs: Array) -> tuple[Array, Array]:
        """Predict means and standard deviations ``[N]`` of the constraint violation."""
        if self._violation is None:
            return np.full(len(inputs), -1.0), np.zeros(len(inputs))
        return self._violation.predict(inputs)


def _inputs_and_rungs(snapshot: Snapshot, chosen: Sequence[Observation]) -> tuple[Array, Indices]:
    """Return the kernel inputs ``[N, D]`` and rungs ``[N]`` of observed reports."""
    inputs = snapshot.inputs_of([report.number for report in chosen])
    return inputs, np.array([report.rung for report in chosen])


def _violations_of(snapshot: Snapshot) -> tuple[Array, Array]:
    """Return kernel inputs ``[N, D]`` and violations ``[N]`` of the trials that ended last."""
    newest = dict(list(snapshot.violations.items())[-MAX_TRIALS:])
    return snapshot.inputs_of(list(newest)), np.array(list(newest.values()))


def _one_rung(inputs: Array) -> Indices:
    """Return rungs ``[N]`` for a surrogate without rungs."""
    return np.zeros(len(inputs), dtype=np.int64)


def _latest_qualities(reports: Sequence[Observation], last: Sequence[Observation]) -> Array:
    """Return the qualities at the latest rung with enough trials, and beyond it."""
    enough = min(len(last), max(MIN_SCALE_TRIALS, int(MIN_SCALE_SHARE * len(last))))
    rung = sorted(report.rung for report in last)[-enough]
    return qualities_of([report for report in reports if report.rung >= rung])


def _most_informative(snapshot: Snapshot, most: int) -> Sequence[Observation]:
    """Return at most ``most`` reports, preferring the last ones of trials as more informative."""
    if len(snapshot.reports) <= most:
        return snapshot.reports
    lasts = _subset(list(snapshot.last.values()), int(MAX_LAST_SHARE * most))
    earlier = [each for each in snapshot.reports if snapshot.last[each.number] is not each]
    others = _subset(earlier, most - len(lasts))
    return [*lasts, *others]


def _subset(reports: Sequence[Observation], most: int) -> Sequence[Observation]:
    """Return at most ``most`` reports: the newest half, and random others."""
    if len(reports) <= most:
        return reports
    split = len(reports) - most // 2
    others = np.random.default_rng(len(reports)).permutation(split)[: most - most // 2]
    return [*(reports[i] for i in sorted(others)), *reports[split:]]
