"""The kinds of parameter specs: float range, integer range, choice, constant."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, Protocol, Self, TypeGuard

from pydantic import BeforeValidator, Field, field_validator, model_validator

from gansearch.settings import Model, Scalar


class Trial(Protocol):
    """Sampling interface of a parameter: Optuna's trial, or an equivalent."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return a float in [low, high]."""

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Return an integer in [low, high]."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return one of ``choices``."""


def _scalar(value: Any) -> Any:
    # Checked before the union, which would report one error per type.
    if not isinstance(value, Scalar) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("should be a finite number, a string, true or false")
    return value


UP, DOWN = 1.25, 0.8
"""Factors from a number to its neighbours (Jaderberg et al. 2017, section 4)."""

Value = Annotated[Scalar, BeforeValidator(_scalar)]
"""One value of a parameter; any other type is a single validation error."""

Condition = dict[str, tuple[Value, ...]]
"""``{"dsc.where": ("generator", "both")}``: every named parameter has one of its values."""


class Conditional(Model):
    """A parameter spec with an optional condition."""

    when: Condition = Field(default_factory=dict)
    """Condition: the values of other parameters (or ``variant``) for which this one is sampled."""

    def is_active(self, params: Mapping[str, Scalar]) -> bool:
        """Whether the condition holds for ``params``; a missing parameter violates it."""
        return all(name in params and params[name] in values for name, values in self.when.items())


class FloatRange(Conditional):
    """A float between two inclusive bounds."""

    type: Literal["float"]
    low: float
    """Lower bound."""
    high: float
    """Upper bound."""
    log: bool = False
    """Whether values are uniform on a logarithmic scale; requires ``low`` above 0."""
    step: float | None = Field(default=None, gt=0)
    """Distance between neighbouring values, counted from ``low``; the default is a continuous
    range."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_range(self.low, self.high, log=self.log)
        if self.step is not None:
            if self.log:
                raise ValueError(f"step {self.step:g} and log exclude each other; leave one out")
            if self.nearest(self.high) == self.low:
                raise ValueError(f"step {self.step:g} is wider than {self.low:g} to {self.high:g}")
        return self

    def admits(self, value: Scalar) -> bool:
        """Whether ``value`` is possible."""
        if not _is_number(value) or not self.low <= value <= self.high:
            return False
        return self.step is None or math.isclose(value, self.nearest(value), rel_tol=1e-9)

    def suggest(self, trial: Trial, name: str) -> float:
        """Sample a value from ``trial``."""
        last = self.nearest(self.high)  # Optuna warns if the steps do not end at high.
        return trial.suggest_float(name, self.low, last, step=self.step, log=self.log)

    def nearest(self, value: Any) -> float:
        """Return the possible value nearest to ``value``."""
        if not _is_number(value):
            return self.low
        clipped = float(min(max(value, self.low), self.high))
        if self.step is None:
            return clipped
        # Decimal arithmetic: 0.1 plus two steps of 0.1 is 0.3.
        at, low, high, step = (Decimal(str(x)) for x in (clipped, self.low, self.high, self.step))
        return float(low + min(round((at - low) / step), int((high - low) / step)) * step)

    def neighbour(self, value: Any, *, up: bool) -> float:
        """Return ``value`` times 1.25 or 0.8, at least one step away, clipped to the range."""
        step = self.step or 0.0
        if up:
            return self.nearest(max(value * UP, value + step))
        return self.nearest(min(value * DOWN, value - step))


class IntRange(Conditional):
    """An integer between two inclusive bounds."""

    type: Literal["int"]
    low: int
    """Lower bound."""
    high: int
    """Upper bound."""
    log: bool = False
    """Whether values are uniform on a logarithmic scale; requires ``low`` of at least 1."""
    step: int = Field(default=1, ge=1)
    """Distance between neighbouring values, counted from ``low``."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_range(self.low, self.high, log=self.log)
        if self.log and self.step > 1:
            raise ValueError(f"step {self.step} and log exclude each other; leave one out")
        if self.step > self.high - self.low:
            raise ValueError(f"step {self.step} is wider than {self.low} to {self.high}")
        return self

    @property
    def values(self) -> range:
        """All possible values."""
        return range(self.low, self.high + 1, self.step)

    def admits(self, value: Scalar) -> bool:
        """Whether ``value`` is possible."""
        return _is_number(value) and value in self.values

    def suggest(self, trial: Trial, name: str) -> int:
        """Sample a value from ``trial``."""
        return trial.suggest_int(name, self.low, self.values[-1], step=self.step, log=self.log)

    def nearest(self, value: Any) -> int:
        """Return the possible value nearest to ``value``."""
        if not _is_number(value):
            return self.low
        steps = round((value - self.low) / self.step)
        return self.values[min(max(steps, 0), len(self.values) - 1)]

    def neighbour(self, value: Any, *, up: bool) -> int:
        """Return ``value`` times 1.25 or 0.8, at least one step away, clipped to the range."""
        if up:
            return self.nearest(max(value * UP, value + self.step))
        return self.nearest(min(value * DOWN, value - self.step))


class Choice(Conditional):
    """One of several unordered values."""

    type: Literal["choice"]
    values: tuple[Value, ...] = Field(min_length=1)
    """The distinct values."""

    @field_validator("values")
    @classmethod
    def _each_once(cls, values: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
        twice = [value for i, value in enumerate(values) if _same_in(value, values[:i])]
        if twice:
            raise ValueError(f"{twice[0]!r} is listed twice; list each value once")
        return values

    def admits(self, value: Scalar) -> bool:
        """Whether ``value`` is possible."""
        return _same_in(value, self.values)

    def suggest(self, trial: Trial, name: str) -> Scalar:
        """Sample a value from ``trial``."""
        chosen: Scalar = trial.suggest_categorical(name, self.values)
        return chosen

    def nearest(self, value: Any) -> Scalar:
        """Return ``value`` if it is possible, else the nearest number, else the first value."""
        if _same_in(value, self.values):
            return next(v for v in self.values if _same_in(v, (value,)))
        numbers = [v for v in self.values if _is_number(v)]
        if numbers and _is_number(value):
            return min(numbers, key=lambda v: abs(v - value))
        return self.values[0]

    def neighbour(self, value: Any, *, up: bool) -> Scalar:
        """Return the next larger or smaller number among the values, else ``value``."""
        if not _is_number(value):
            return self.nearest(value)
        numbers = [v for v in self.values if _is_number(v)]
        if up:
            return min((v for v in numbers if v > value), default=value)
        return max((v for v in numbers if v < value), default=value)


class Constant(Conditional):
    """A parameter spec with one value, which is recorded with every trial."""

    type: Literal["constant"]
    value: Value
    """The value."""

    @property
    def values(self) -> tuple[Scalar, ...]:
        """All possible values: the single one."""
        return (self.value,)

    def admits(self, value: Scalar) -> bool:
        """Whether ``value`` is possible."""
        return _same_in(value, self.values)

    def suggest(self, trial: Trial, name: str) -> Scalar:  # noqa: ARG002 - nothing to ask for
        """Return the value."""
        return self.value

    def nearest(self, value: Any) -> Scalar:  # noqa: ARG002 - the only value is the nearest
        """Return the value."""
        return self.value

    def neighbour(self, value: Any, *, up: bool) -> Scalar:  # noqa: ARG002 - likewise
        """Return the value."""
        return self.value


Parameter = Annotated[FloatRange | IntRange | Choice | Constant, Field(discriminator="type")]


def _check_range(low: float, high: float, *, log: bool) -> None:
    if low >= high:
        raise ValueError(f"low {low:g} should be less than high {high:g}; one value is a constant")
    if log and low <= 0:
        raise ValueError(f"log needs a low above 0 (got low {low:g})")


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same_in(value: Scalar, values: Sequence[Scalar]) -> bool:
    # True == 1 in Python, but not in YAML.
    return any(value == v and isinstance(value, bool) == isinstance(v, bool) for v in values)
