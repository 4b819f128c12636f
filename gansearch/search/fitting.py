"""Which configurations fit the devices' memory, learnt from what was foreseen of others."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gansearch.config import Params, Scalar
from gansearch.record import TrialRecord
from gansearch.search.feasibility import memory_excess
from gansearch.space import Choice, Constant, FloatRange, IntRange, Space

RIDGE = 0.1
"""Of the regression, against coordinates of the order of 1."""
KNOWN = 256
"""Trials that are learnt from at most: those nearest to the limit."""


class MemoryModel:
    """Tells how far a configuration is from fitting.

    The logarithm of needed over available memory is taken for a quadratic of the configuration's
    coordinates, by ridge regression; numbers count by their logarithms where all are above 0, since
    memory is mostly a product of widths, batch and pixels. It depends on what it was told and on
    nothing else.

    Args:
        space: whose configurations are judged.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._searched = {
            key: parameter
            for key, parameter in space.parameters.items()
            if not isinstance(parameter, Constant)
        }
        self._known: dict[int, tuple[NDArray[np.float64], float]] = {}
        self._fit: _Fit | None = None

    def learn(self, trial: TrialRecord) -> None:
        """Take what was foreseen of a trial, if anything was."""
        excess = memory_excess(trial)
        if excess is not None and trial.number not in self._known:
            self._known[trial.number] = self._encode(trial.params), math.log1p(excess)
            self._fit = None

    def excess(self, params: Params) -> float:
        """How far a configuration is from fitting: logarithm of needed over available memory.

        Above 0 where it is not likely to fit: by what the model is usually off, it errs on that
        side. Before a trial did not fit, every configuration is taken to.
        """
        if all(needed <= 0 for _, needed in self._known.values()):
            return -math.inf
        if self._fit is None:
            nearest = sorted(self._known.values(), key=lambda known: abs(known[1]))[:KNOWN]
            self._fit = _Fit(*(np.array(each) for each in zip(*nearest, strict=True)))
        return self._fit(self._encode(params)) + self._fit.error

    def _encode(self, params: Params) -> NDArray[np.float64]:
        asked = self._space.asked(params)
        found = [float(params["variant"] == variant) for variant in self._space.variant]
        for key, parameter in self._searched.items():
            found += _coordinates(parameter, asked.get(key))
        return np.array(found)


class _Fit:
    """A quadratic through known values by ridge regression, in its dual form.

    Args:
        x: ``[N, D]``.
        y: ``[N]``.

    Attributes:
        error: root mean square of what each value is missed by without itself, in closed form.
    """

    def __init__(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        self._x = x
        inverse = np.linalg.inv(self._kernel(x) + RIDGE * np.eye(len(x)))
        self._weights = inverse @ y
        self.error = float(np.sqrt(np.mean((self._weights / np.diag(inverse)) ** 2)))

    def __call__(self, x: NDArray[np.float64]) -> float:
        """The value at ``[D]``."""
        return float(self._kernel(x) @ self._weights)

    def _kernel(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        product: NDArray[np.float64] = (1 + x @ self._x.T) ** 2
        return product


def _coordinates(parameter: FloatRange | IntRange | Choice, value: Scalar | None) -> list[float]:
    """A number as one, from -1 to 1 over its range; any other choice as one for each value.

    Zeros where a configuration does not have the parameter.
    """
    if isinstance(parameter, FloatRange | IntRange):
        values: Sequence[Scalar] = (parameter.low, parameter.high)
    else:
        values = parameter.values
    if any(isinstance(each, bool | str) for each in values):
        return [float(each == value) for each in values]
    if value is None:
        return [0.0]
    low, high = min(map(float, values)), max(map(float, values))
    scale = math.log if low > 0 else float
    width = scale(high) - scale(low)
    return [2 * (scale(float(value)) - scale(low)) / width - 1 if width else 0.0]
