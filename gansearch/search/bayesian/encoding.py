"""Encoding of configurations as vectors in the unit cube, and as inputs of kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gansearch.settings import Params, Scalar
from gansearch.space import Choice, Constant, FloatRange, IntRange, Space

Array = NDArray[np.float64]

INACTIVE = 0.5
"""Coordinate of a parameter whose condition does not hold. It is the same in all such
configurations, so it carries no information."""
CROSSOVER_PROBABILITY = 0.3
"""Probability that a child of the front takes its coordinates from two parents, not from one."""
MUTATION_PROBABILITY = 0.3
"""Probability that a child changes a coordinate; it changes at least one, so that it is new."""
LOG10_MUTATION_WIDTHS = (-2.0, -0.5)
"""Range of the log10 of a mutation's standard deviation, relative to a number's range. A child's
mutations have one width, so that some children are close to their parents and others are not."""


class _Coordinate(Protocol):
    """Encoding of one searched parameter as a number in [0, 1]."""

    @property
    def columns(self) -> int:
        """Number of columns in a kernel input: one per value of an unordered choice, else 1."""

    def encode(self, value: Scalar) -> float:
        """Return the coordinate of a value."""

    def decode(self, coordinate: float) -> Scalar:
        """Return the value of a coordinate."""

    def snap(self, coordinates: Array) -> Array:
        """Move coordinates ``[N]`` to those of possible values."""


@dataclass(frozen=True)
class _NumberCoordinate:
    """Position of a number in its range, on a logarithmic scale for a log range."""

    range: FloatRange | IntRange
    columns: int = 1

    @property
    def _scaled_bounds(self) -> tuple[float, float]:
        return self._scale(self.range.low), self._scale(self.range.high)

    def _scale(self, value: float) -> float:
        return math.log(value) if self.range.log else float(value)

    def encode(self, value: Scalar) -> float:
        low, high = self._scaled_bounds
        return (self._scale(float(value)) - low) / (high - low)

    def decode(self, coordinate: float) -> Scalar:
        low, high = self._scaled_bounds
        scaled = low + coordinate * (high - low)
        return self.range.nearest(math.exp(scaled) if self.range.log else scaled)

    def snap(self, coordinates: Array) -> Array:
        if isinstance(self.range, FloatRange) and self.range.step is None:
            return coordinates
        return np.array([self.encode(self.decode(each)) for each in coordinates])


class _ChoiceCoordinate:
    """Index of one of several values; each has an equal part of [0, 1], numbers in their order."""

    def __init__(self, choice: Choice) -> None:
        numbers = [v for v in choice.values if isinstance(v, int | float)]
        is_ordered = len(numbers) == len(choice.values) and not any(map(_is_bool, numbers))
        self._values = sorted(numbers) if is_ordered else list(choice.values)
        self.columns = 1 if is_ordered else len(self._values)
        centres = (np.arange(len(self._values)) + 0.5) / len(self._values)
        self._centres = np.where(centres == INACTIVE, INACTIVE + 1e-6, centres)

    def encode(self, value: Scalar) -> float:
        equal = (v == value and _is_bool(v) == _is_bool(value) for v in self._values)
        return float(self._centres[list(equal).index(True)])

    def decode(self, coordinate: float) -> Scalar:
        return self._values[int(self._index(np.array(coordinate)))]

    def snap(self, coordinates: Array) -> Array:
        snapped: Array = self._centres[self._index(coordinates)]
        return snapped

    def _index(self, coordinates: Array) -> NDArray[np.int64]:
        count = len(self._values)
        return np.minimum((coordinates * count).astype(np.int64), count - 1)


class Encoder:
    """Encodes the configurations of a space as vectors in [0, 1]^G, and as inputs of kernels.

    An encoded vector has a coordinate per searched parameter. The variant comes first, if there are
    several. The coordinate of a parameter whose condition does not hold is :data:`INACTIVE`. A
    kernel input has the same columns, except that an unordered choice is a one-hot vector scaled by
    1/√2. Two different values are therefore at distance 1.

    Args:
        space: the search space.

    Attributes:
        dimension: number G of coordinates.
        group: ``[D]``, the index of the parameter that each column of a kernel input belongs to.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        searched: dict[str, Any] = {
            key: p for key, p in space.parameters.items() if not isinstance(p, Constant)
        }
        if len(space.variant) > 1:
            searched = {"variant": Choice(type="choice", values=space.variant), **searched}
        self._coordinates: dict[str, _Coordinate] = {
            key: _ChoiceCoordinate(p) if isinstance(p, Choice) else _NumberCoordinate(p)
            for key, p in searched.items()
        }
        self._index = {key: index for index, key in enumerate(self._coordinates)}
        columns = np.array([each.columns for each in self._coordinates.values()], dtype=np.int64)
        self._is_one_hot = columns > 1
        self.dimension = len(columns)
        self.group: NDArray[np.int64] = np.repeat(np.arange(self.dimension), columns)

    def encode(self, configurations: Sequence[Params]) -> Array:
        """Encode configurations as vectors ``[N, G]``."""
        encoded = np.full((len(configurations), self.dimension), INACTIVE)
        for row, params in zip(encoded, configurations, strict=True):
            for key, value in params.items():
                if key in self._coordinates:
                    row[self._index[key]] = self._coordinates[key].encode(value)
        return encoded

    def decode(self, vector: Array) -> Params:
        """Decode one vector ``[G]`` to a configuration."""
        coordinates = dict(zip(self._coordinates, vector, strict=True))
        return self._space.sample(_DecodingTrial(self._coordinates, coordinates))

    def snap(self, vectors: Array) -> Array:
        """Move vectors ``[N, G]`` to possible values and to :data:`INACTIVE` where inactive."""
        columns = [each.snap(vectors[:, i]) for i, each in enumerate(self._coordinates.values())]
        snapped = np.stack(columns, axis=1) if columns else vectors
        is_active = np.zeros(vectors.shape, dtype=bool)
        for variant, names in self._space.searched.items():
            active = {"variant": self._has("variant", (variant,), snapped)}
            for name, key in names.items():
                holds = active["variant"]
                for other, values in self._space.parameters[key].when.items():
                    holds = (
                        holds & active[other] & self._has(names.get(other, other), values, snapped)
                    )
                active[name] = holds
                if key in self._coordinates:
                    is_active[:, self._index[key]] |= holds
        if "variant" in self._coordinates:
            is_active[:, self._index["variant"]] = True
        return np.where(is_active, snapped, INACTIVE)

    def offspring(self, parents: Array, count: int, random: np.random.Generator) -> Array:
        """Return children ``[count, G]`` of parents ``[P, G]`` by crossover and mutation.

        They are not moved to possible values; :meth:`snap` does that.
        """
        shape = count, self.dimension
        first, second = parents[random.integers(len(parents), size=(2, count))]
        is_crossed = (random.random((count, 1)) < CROSSOVER_PROBABILITY) & (
            random.random(shape) < 0.5
        )
        children = np.where(is_crossed, second, first)
        is_mutated = random.random(shape) < MUTATION_PROBABILITY
        is_mutated[np.arange(count), random.integers(self.dimension, size=count)] = True
        width = 10 ** random.uniform(*LOG10_MUTATION_WIDTHS, (count, 1))
        moved = np.abs(children + width * random.standard_normal(shape))
        moved = np.clip(1 - np.abs(1 - moved), 0, 1)  # reflected at either end
        redrawn = np.where(self._is_one_hot, random.random(shape), moved)
        return np.where(is_mutated, redrawn, children)

    def kernel_inputs(self, vectors: Array) -> Array:
        """Convert snapped vectors ``[N, G]`` to kernel inputs ``[N, D]``."""
        columns = []
        for coordinate, column in zip(self._coordinates.values(), vectors.T, strict=True):
            if coordinate.columns == 1:
                columns.append(column)
                continue
            chosen = (column * coordinate.columns).astype(np.int64)
            hot = np.where(column == INACTIVE, 0.0, math.sqrt(0.5))
            columns.extend(np.where(chosen == i, hot, 0.0) for i in range(coordinate.columns))
        return np.array(columns).reshape(len(columns), len(vectors)).T

    def _has(self, key: str, values: Sequence[Scalar], vectors: Array) -> NDArray[np.bool_]:
        """Return a mask of the rows whose parameter has one of some values."""
        if key in self._coordinates:
            coordinate = self._coordinates[key]
            wanted = [coordinate.encode(value) for value in values if self._admits(key, value)]
            return np.isin(vectors[:, self._index[key]], wanted)
        only = self._space.variant[0] if key == "variant" else self._constant(key)
        return np.full(len(vectors), only in values)

    def _admits(self, key: str, value: Scalar) -> bool:
        return key == "variant" or self._space.parameters[key].admits(value)

    def _constant(self, key: str) -> Scalar:
        parameter: Any = self._space.parameters[key]
        value: Scalar = parameter.value
        return value


class _DecodingTrial:
    """An Optuna-like trial whose suggestions are decoded from a vector."""

    def __init__(self, coordinates: dict[str, _Coordinate], vector: dict[str, float]) -> None:
        self._coordinates, self._vector = coordinates, vector

    def suggest_float(self, name: str, *_: Any, **__: Any) -> float:
        return float(self._value(name))

    def suggest_int(self, name: str, *_: Any, **__: Any) -> int:
        return int(self._value(name))

    def suggest_categorical(self, name: str, *_: Any) -> Any:
        return self._value(name)

    def _value(self, name: str) -> Scalar:
        return self._coordinates[name].decode(self._vector[name])


def _is_bool(value: Scalar) -> bool:
    return isinstance(value, bool)
