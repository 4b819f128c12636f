"""Encoding of configurations: as vectors in the unit cube, and as points for kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gansearch.config import Params, Scalar
from gansearch.space import Choice, FloatRange, IntRange, Space
from gansearch.space.parameters import Constant

Array = NDArray[np.float64]

ABSENT = 0.5
"""Coordinate of an inactive parameter; it carries no information."""
CROSSED, CHANGED = 0.3, 0.3
"""Probabilities that a child has two parents, and that it changes a coordinate; at least one
changes."""
WIDTHS = (-2.0, -0.5)
"""Range of the log10 of a mutation's standard deviation, relative to a number's range."""


class _Gene(Protocol):
    """Encoding of one searched parameter as a number in [0, 1]."""

    @property
    def labels(self) -> int:
        """Columns in a point: the number of values for an unordered choice, else 1."""

    def of(self, value: Scalar) -> float:
        """Return the coordinate of a value."""

    def value(self, gene: float) -> Scalar:
        """Return the value of a coordinate."""

    def snapped(self, genes: Array) -> Array:
        """Move coordinates ``[N]`` to those of possible values."""


@dataclass(frozen=True)
class _Number:
    """Position of a number in its range, on a logarithmic scale for a log range."""

    range: FloatRange | IntRange
    labels: int = 1

    @property
    def _ends(self) -> tuple[float, float]:
        return self._scale(self.range.low), self._scale(self.range.high)

    def _scale(self, value: float) -> float:
        return math.log(value) if self.range.log else float(value)

    def of(self, value: Scalar) -> float:
        low, high = self._ends
        return (self._scale(float(value)) - low) / (high - low)

    def value(self, gene: float) -> Scalar:
        low, high = self._ends
        place = low + gene * (high - low)
        return self.range.nearest(math.exp(place) if self.range.log else place)

    def snapped(self, genes: Array) -> Array:
        if isinstance(self.range, FloatRange) and self.range.step is None:
            return genes
        return np.array([self.of(self.value(gene)) for gene in genes])


class _OneOf:
    """Index of one of several values; each has an equal part of [0, 1], numbers in their order."""

    def __init__(self, choice: Choice) -> None:
        ordered = [v for v in choice.values if isinstance(v, int | float)]
        is_ordered = len(ordered) == len(choice.values) and not any(map(_is_bool, ordered))
        self._values = sorted(ordered) if is_ordered else list(choice.values)
        self.labels = 1 if is_ordered else len(self._values)
        centres = (np.arange(len(self._values)) + 0.5) / len(self._values)
        self._centres = np.where(centres == ABSENT, ABSENT + 1e-6, centres)

    def of(self, value: Scalar) -> float:
        alike = (v == value and _is_bool(v) == _is_bool(value) for v in self._values)
        return float(self._centres[list(alike).index(True)])

    def value(self, gene: float) -> Scalar:
        return self._values[int(self._index(np.array(gene)))]

    def snapped(self, genes: Array) -> Array:
        found: Array = self._centres[self._index(genes)]
        return found

    def _index(self, genes: Array) -> NDArray[np.int64]:
        count = len(self._values)
        return np.minimum((genes * count).astype(np.int64), count - 1)


class Encoder:
    """Encodes the configurations of a space as vectors in [0, 1]^G, and as points for kernels.

    A vector has a coordinate per searched parameter. The variant comes first, if there are several.
    The coordinate of a parameter whose condition does not hold is :data:`ABSENT`. A point has the
    same columns, except that an unordered choice is a one-hot vector scaled by 1/√2. Two different
    values are therefore at distance 1.

    Args:
        space: the search space.

    Attributes:
        count: number G of coordinates.
        group: ``[D]``, the coordinate's index for each column of a point.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        searched: dict[str, Any] = {k: p for k, p in space.parameters.items() if not _is_fixed(p)}
        if len(space.variant) > 1:
            searched = {"variant": Choice(type="choice", values=space.variant), **searched}
        self._genes: dict[str, _Gene] = {
            key: _OneOf(p) if isinstance(p, Choice) else _Number(p) for key, p in searched.items()
        }
        self._place = {key: place for place, key in enumerate(self._genes)}
        labels = np.array([gene.labels for gene in self._genes.values()], dtype=np.int64)
        self._is_label = labels > 1
        self.count = len(labels)
        self.group: NDArray[np.int64] = np.repeat(np.arange(self.count), labels)

    def genes(self, configurations: Sequence[Params]) -> Array:
        """Encode configurations as vectors ``[N, G]``."""
        found = np.full((len(configurations), self.count), ABSENT)
        for row, params in zip(found, configurations, strict=True):
            for key, value in params.items():
                if key in self._genes:
                    row[self._place[key]] = self._genes[key].of(value)
        return found

    def params(self, genes: Array) -> Params:
        """Decode one vector ``[G]`` to a configuration."""
        return self._space.sample(_Reader(self._genes, dict(zip(self._genes, genes, strict=True))))

    def snapped(self, genes: Array) -> Array:
        """Move vectors ``[N, G]`` to possible values; inactive coordinates become absent."""
        columns = [gene.snapped(genes[:, i]) for i, gene in enumerate(self._genes.values())]
        found = np.stack(columns, axis=1) if columns else genes
        expressed = np.zeros(genes.shape, dtype=bool)
        for variant, names in self._space.searched.items():
            active = {"variant": self._has("variant", (variant,), found)}
            for name, key in names.items():
                holds = active["variant"]
                for other, values in self._space.parameters[key].when.items():
                    holds = (
                        holds & active[other] & self._has(names.get(other, other), values, found)
                    )
                active[name] = holds
                if key in self._genes:
                    expressed[:, self._place[key]] |= holds
        if "variant" in self._genes:
            expressed[:, self._place["variant"]] = True
        return np.where(expressed, found, ABSENT)

    def bred(self, parents: Array, count: int, random: np.random.Generator) -> Array:
        """Return unsnapped children ``[count, G]`` of parents ``[P, G]``."""
        shape = count, self.count
        mother, father = parents[random.integers(len(parents), size=(2, count))]
        crossed = (random.random((count, 1)) < CROSSED) & (random.random(shape) < 0.5)
        found = np.where(crossed, father, mother)
        changed = random.random(shape) < CHANGED
        changed[np.arange(count), random.integers(self.count, size=count)] = True
        width = 10 ** random.uniform(*WIDTHS, (count, 1))
        moved = np.abs(found + width * random.standard_normal(shape))
        moved = np.clip(1 - np.abs(1 - moved), 0, 1)  # reflected at either end
        return np.where(changed, np.where(self._is_label, random.random(shape), moved), found)

    def points(self, genes: Array) -> Array:
        """Convert snapped vectors ``[N, G]`` to points ``[N, D]``."""
        columns = []
        for gene, column in zip(self._genes.values(), genes.T, strict=True):
            if gene.labels == 1:
                columns.append(column)
                continue
            chosen = (column * gene.labels).astype(np.int64)
            held = np.where(column == ABSENT, 0.0, math.sqrt(0.5))
            columns.extend(np.where(chosen == label, held, 0.0) for label in range(gene.labels))
        return np.array(columns).reshape(len(columns), len(genes)).T

    def _has(self, key: str, values: Sequence[Scalar], genes: Array) -> NDArray[np.bool_]:
        """Return a mask of the rows whose parameter has one of some values."""
        if key in self._genes:
            wanted = [self._genes[key].of(value) for value in values if self._admits(key, value)]
            return np.isin(genes[:, self._place[key]], wanted)
        only = self._space.variant[0] if key == "variant" else _only(self._space.parameters[key])
        return np.full(len(genes), only in values)

    def _admits(self, key: str, value: Scalar) -> bool:
        return key == "variant" or self._space.parameters[key].admits(value)


class _Reader:
    """A trial that reads its values from a vector and ignores the given ranges."""

    def __init__(self, genes: dict[str, _Gene], row: dict[str, float]) -> None:
        self._genes, self._row = genes, row

    def suggest_float(self, name: str, *_: Any, **__: Any) -> float:
        return float(self._read(name))

    def suggest_int(self, name: str, *_: Any, **__: Any) -> int:
        return int(self._read(name))

    def suggest_categorical(self, name: str, *_: Any) -> Any:
        return self._read(name)

    def _read(self, name: str) -> Scalar:
        return self._genes[name].value(self._row[name])


def _is_fixed(parameter: object) -> bool:
    return isinstance(parameter, Constant)


def _only(parameter: Any) -> Scalar:
    """Return the value of a constant."""
    value: Scalar = parameter.value
    return value


def _is_bool(value: Scalar) -> bool:
    return isinstance(value, bool)
