"""A regression of memory needs on configurations, learnt from other trials' predictions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gansearch.record import TrialRecord
from gansearch.search.feasibility import memory_excess
from gansearch.settings import Params, Scalar
from gansearch.space import Choice, Constant, FloatRange, IntRange, Space

RIDGE = 0.1
"""Regularisation of the ridge regression, for coordinates of order 1."""
KNOWN = 256
"""Maximum number of observations: the trials nearest to the limit."""


class MemoryModel:
    """Predicts whether a configuration fits the devices' memory.

    The logarithm of needed over available memory is a quadratic function of the configuration's
    coordinates, fitted by ridge regression. A number enters by its logarithm if its range is
    positive, since memory is mostly a product of widths, batch size and pixels. Predictions depend
    on the observations alone.

    Args:
        space: the search space.
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
        """Add the predicted memory of a trial, if known, to the observations."""
        excess = memory_excess(trial)
        if excess is not None and trial.number not in self._known:
            self._known[trial.number] = self._encode(trial.sampled), math.log1p(excess)
            self._fit = None

    def excess(self, sampled: Params) -> float:
        """Return a configuration's predicted log of needed over available memory.

        A value above 0 means that it probably does not fit: the model's usual error is added for
        safety. The value is -∞ until some trial did not fit.
        """
        if all(needed <= 0 for _, needed in self._known.values()):
            return -math.inf
        if self._fit is None:
            nearest = sorted(self._known.values(), key=lambda known: abs(known[1]))[:KNOWN]
            self._fit = _Fit(*(np.array(each) for each in zip(*nearest, strict=True)))
        return self._fit(self._encode(sampled)) + self._fit.error

    def _encode(self, sampled: Params) -> NDArray[np.float64]:
        found = [float(sampled["variant"] == variant) for variant in self._space.variant]
        for key, parameter in self._searched.items():
            found += _coordinates(parameter, sampled.get(key))
        return np.array(found)


class _Fit:
    """A quadratic fit by ridge regression in its dual form.

    Args:
        x: coordinates ``[N, D]``.
        y: values ``[N]``.

    Attributes:
        error: root mean square of the leave-one-out errors, in closed form.
    """

    def __init__(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        self._x = x
        inverse = np.linalg.inv(self._kernel(x) + RIDGE * np.eye(len(x)))
        self._weights = inverse @ y
        self.error = float(np.sqrt(np.mean((self._weights / np.diag(inverse)) ** 2)))

    def __call__(self, x: NDArray[np.float64]) -> float:
        """Return the value at ``[D]``."""
        return float(self._kernel(x) @ self._weights)

    def _kernel(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        product: NDArray[np.float64] = (1 + x @ self._x.T) ** 2
        return product


def _coordinates(parameter: FloatRange | IntRange | Choice, value: Scalar | None) -> list[float]:
    """Encode a number as one coordinate in [-1, 1], or any other choice as a one-hot vector.

    All are 0 if a configuration lacks the parameter.
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
