"""Validated sections of a search space: objectives, budget, resources, search, tracking."""

import math
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from gansearch.metrics.catalog import current_name
from gansearch.settings import AUTO, LARGEST, Model
from gansearch.space import hints

if TYPE_CHECKING:
    pass

Direction = Literal["minimize", "maximize"]


class Bound(Model):
    """Range of a metric for trials on the front."""

    metric: Annotated[str, AfterValidator(current_name)]
    """Name in the catalog of metrics."""
    min: float | None = None
    """Smallest value allowed."""
    max: float | None = None
    """Largest value allowed."""

    def admits(self, value: float) -> bool:
        """Whether ``value`` is within the bounds."""
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


class Objective(Bound):
    """An optimised metric, with optional bounds."""

    direction: Direction
    """Direction of optimisation."""

    def minimised(self, value: float) -> float:
        """Return ``value``, negated if the objective is maximised."""
        return value if self.direction == "minimize" else -value


def _seconds(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", value)
    if match is None or not value:
        form = "should be a time such as 2h, 90m, 1h30m or 30s, or a number of seconds"
        raise ValueError(form + hints.time(value))
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + seconds


class Budget(Model):
    """Budget of a study."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    trials: int = Field(default=32, ge=1, le=1_000_000)
    """Number of configurations to try."""
    max_kimg: float = Field(default=30.0, ge=0.001)
    """Full length of a trial, in thousands of real images; at least one image."""
    rungs: tuple[Annotated[float, Field(ge=0.001)], ...] = ()
    """Kimg at which trials are compared and some are stopped: ascending, below ``max_kimg``."""
    wall_clock_s: Annotated[
        Annotated[float, Field(gt=0)] | None, BeforeValidator(_seconds), Field(alias="wall_clock")
    ] = None
    """Time limit of one run of the study, as ``2h``, ``90m``, ``30s`` or in seconds; the default is
    no limit."""


def _gpus(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value == AUTO or (is_number and 0 <= value < math.inf):
        return value
    raise ValueError(f"should be a number of at least 0, or auto{hints.number(value, whole=False)}")


class Resources(Model):
    """Resources of one trial."""

    cpus: float = Field(default=1.0, gt=0)
    """CPU cores, or a fraction of one."""
    gpus: Annotated[Annotated[float, Field(ge=0)] | Literal["auto"], BeforeValidator(_gpus)] = 0.0
    """GPUs: a whole number, a fraction of a shared GPU, or ``auto`` for a share by the trial's
    predicted memory."""

    @model_validator(mode="after")
    def _whole_above_one(self) -> Self:
        for name, amount in (("cpus", self.cpus), ("gpus", self.gpus)):
            if amount != AUTO and amount > 1 and amount != int(amount):
                raise ValueError(f"{name} {amount:g} should be a whole number, or less than 1")
        return self

    @property
    def summary(self) -> str:
        """The resources in words, such as ``1 CPUs and 0.5 GPUs``."""
        gpus = "a share of a GPU" if self.gpus == AUTO else f"{self.gpus:g} GPUs"
        return f"{self.cpus:g} CPUs and {gpus}"


class SearchConfig(Model):
    """How configurations are proposed and stopped."""

    sampler: Literal["ehvi", "tpe", "nsga2", "random", "grid", "pbt"] = "ehvi"
    """Sampler, which proposes configurations.

    - ``ehvi``: highest expected hypervolume improvement per second of training.
    - ``tpe``: Optuna's multi-objective tree-structured Parzen estimator.
    - ``nsga2``: Optuna's NSGA-II, an evolutionary algorithm.
    - ``random``: random configurations.
    - ``grid``: every point of a discrete space, in random order.
    - ``pbt``: population-based training; perturbed settings continue a good trial's checkpoint."""
    stopping: Literal["ehvi", "asha", "truncation", "none"] = "ehvi"
    """Stopping rule, which is applied at each rung; the default with ``pbt`` is ``truncation``.

    - ``ehvi``: stop trials that another one almost surely dominates, or probably dominates if
      their expected hypervolume improvement per second is low.
    - ``asha``: keep the best trials by quality (asynchronous successive halving).
    - ``truncation``: stop the worst quarter by all objectives, as population-based training does.
    - ``none``: stop no trial."""
    reduction_factor: int = Field(default=3, ge=2, le=10)
    """ASHA's eta: one in so many trials continues past a rung."""
    population: int | None = Field(default=None, ge=4, le=1000)
    """Population size of ``pbt``: the number of trials that start from scratch. Each later trial
    continues a good trial's checkpoint at a rung with perturbed live settings."""
    replicates: int = Field(default=1, ge=1, le=32)
    """Trainings of each configuration on the front, with different seeds; 1 means no replicates.
    Replicates run after the budget's trials and do not count towards it."""
    warm_start: tuple[str, ...] = ()
    """Names of earlier studies in the same storage. The configurations on their fronts are tried
    after the papers' ones, and their comparable results become observations."""
    seed: int = Field(default=0, ge=0, le=LARGEST)
    """Seed of every random choice of the study."""
    concurrency: int | None = Field(default=None, ge=1, le=1_000_000)
    """Concurrent trials; the default is as many as the resources allow."""
    retries: int = Field(default=1, ge=0)
    """Retries of a trial after retryable errors."""

    @model_validator(mode="after")
    def _pbt_truncates(self) -> Self:
        if self.sampler == "pbt" and "stopping" not in self.model_fields_set:
            object.__setattr__(self, "stopping", "truncation")  # the model is frozen from here on
        return self


class TrackingConfig(Model):
    """MLflow tracking."""

    uri: str | None = None
    """Tracking server or database; the default is a SQLite file in the results folder."""
    experiment: str | None = None
    """MLflow experiment; the default is the space's name."""
