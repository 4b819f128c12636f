"""A search space as validated values: what is searched, on what, for what and with how much."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from graphlib import TopologicalSorter
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from gansearch.config import (
    Change,
    ComputeConfig,
    DataConfig,
    EvaluationConfig,
    Model,
    Params,
    Scalar,
    TrainConfig,
)
from gansearch.metrics.catalog import METRICS
from gansearch.record import Ancestor
from gansearch.settings import AUTO, LARGEST
from gansearch.space import hints
from gansearch.space.knobs import auto_values, defaults_of
from gansearch.space.parameters import Choice, Parameter, Trial, Value
from gansearch.space.scope import SECTIONS, Entry, resolve

Direction = Literal["minimize", "maximize"]


class Bound(Model):
    """The values of a metric that a trial may have and still be on the front."""

    metric: str
    """Name in the catalog of metrics."""
    min: float | None = None
    """Least value allowed."""
    max: float | None = None
    """Greatest value allowed."""

    def admits(self, value: float) -> bool:
        """Whether ``value`` is within the bounds."""
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


class Objective(Bound):
    """A metric that is optimised, with the bounds within which it is wanted."""

    direction: Direction
    """Which way is better."""

    def minimised(self, value: float) -> float:
        """``value``, or its negative where more is better."""
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
    """How much a study may spend."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    trials: int = Field(default=32, ge=1, le=1_000_000)
    """Configurations to try."""
    max_kimg: float = Field(default=30.0, gt=0)
    """Full length of a trial, in thousands of real images."""
    rungs: tuple[Annotated[float, Field(gt=0)], ...] = ()
    """Kimg at which trials are compared and some are stopped: ascending, below ``max_kimg``."""
    wall_clock_s: Annotated[
        Annotated[float, Field(gt=0)] | None, BeforeValidator(_seconds), Field(alias="wall_clock")
    ] = None
    """Time for the whole study, as ``2h``, ``90m``, ``30s`` or in seconds; without it no limit."""


def _gpus(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value == AUTO or (is_number and 0 <= value < math.inf):
        return value
    raise ValueError(f"should be a number of at least 0, or auto{hints.number(value, whole=False)}")


class Resources(Model):
    """What one trial is given."""

    cpus: float = Field(default=1.0, gt=0)
    """CPU cores, or a fraction of one."""
    gpus: Annotated[Annotated[float, Field(ge=0)] | Literal["auto"], BeforeValidator(_gpus)] = 0.0
    """GPUs: a whole number, a fraction so that trials share one, or ``auto`` for the share that a
    trial's predicted memory asks for."""

    @model_validator(mode="after")
    def _whole_above_one(self) -> Self:
        for name, amount in (("cpus", self.cpus), ("gpus", self.gpus)):
            if amount != AUTO and amount > 1 and amount != int(amount):
                raise ValueError(f"{name} {amount:g} should be a whole number, or less than 1")
        return self

    @property
    def summary(self) -> str:
        """In words, such as ``1 CPUs and 0.5 GPUs``."""
        gpus = "a share of a GPU" if self.gpus == AUTO else f"{self.gpus:g} GPUs"
        return f"{self.cpus:g} CPUs and {gpus}"


class SearchConfig(Model):
    """How configurations are proposed and stopped."""

    sampler: Literal["pareto", "tpe", "nsga2", "random", "grid"] = "pareto"
    """What proposes configurations: what promises most growth of the front for each second, a model
    of the good ones (TPE), evolution, chance, or all."""
    stopping: Literal["pareto", "asha", "truncation", "none"] = "pareto"
    """What happens at a rung: those stop that promise the front much less than trials usually do,
    or all but the best in quality (ASHA), or the worst quarter by all objectives (truncation), or
    nothing."""
    reduction_factor: int = Field(default=3, ge=2, le=10)
    """ASHA's eta: one of so many trials goes on past a rung."""
    population: int | None = Field(default=None, ge=4, le=1000)
    """Trials that begin anew; each one after them goes on with the training of a better one, from a
    rung on and with changed rates, steps or weights (population-based training)."""
    replicates: int = Field(default=1, ge=1, le=32)
    """Trainings, with seeds of their own, of each configuration on the front; 1 repeats none. They
    come beyond the budget's trials, after them."""
    warm_start: tuple[str, ...] = ()
    """Earlier studies of the same storage: what their fronts had is tried after the papers'
    configurations, and what they measured alike is learnt from."""
    seed: int = Field(default=0, ge=0, le=LARGEST)
    """Every random choice of the study follows from it."""
    concurrency: int | None = Field(default=None, ge=1, le=1_000_000)
    """Trials at a time; without it as many as the machine has resources for."""
    retries: int = Field(default=1, ge=0)
    """Times that a trial is tried again after a failure that another try may not have."""


class TrackingConfig(Model):
    """Where MLflow keeps what it shows."""

    uri: str | None = None
    """Tracking server or database; without it a SQLite file in the results folder."""
    experiment: str | None = None
    """MLflow experiment; without it the space's name."""


class Space(Model):
    """A search space: a YAML of ``search_spaces/``, validated.

    Read one with :func:`gansearch.space.load_space`, which also checks it against the catalogs of
    variants and metrics; two are equal where they mean the same, whatever their text.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
    """Names the study and its experiment; without it the file's name."""
    variant: tuple[str, ...] = Field(min_length=1)
    """The variant, or several to choose from."""
    data: DataConfig = DataConfig(name="digits")
    """The images."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """How quality is measured."""
    training: dict[str, Value] = Field(default_factory=dict)
    """Settings that are the same in every trial, flat; a variant ignores those it does not have."""
    parameters: dict[str, Parameter]
    """What is searched, by flat dotted name; here and in :attr:`training` a name that begins with a
    variant's, such as ``gan.g_lr``, is for that variant alone and goes before the shared one."""
    objectives: tuple[Objective, ...]
    """What is optimised, at least one of it a quality."""
    constraints: tuple[Bound, ...] = ()
    """Bounds on metrics that are not optimised."""
    budget: Budget = Budget()
    """How much is spent."""
    resources: Resources = Resources()
    """What one trial is given."""
    compute: ComputeConfig = ComputeConfig()
    """How a trial's steps are computed."""
    search: SearchConfig = SearchConfig()
    """How configurations are proposed and stopped."""
    tracking: TrackingConfig = TrackingConfig()
    """Where MLflow keeps what it shows."""
    text: str = Field(default="", exclude=True, repr=False)
    """The YAML that this was read from."""
    file: str = Field(default="", exclude=True, repr=False)
    """The file that it was read from."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and self.model_dump() == other.model_dump()

    @property
    def quality(self) -> Objective:
        """The first objective that measures samples: what trials are compared by at a rung."""
        return next(o for o in self.objectives if METRICS[o.metric].kind == "quality")

    def entries(self, variant: str) -> dict[str, Entry]:
        """Where each parameter that this space gives ``variant`` comes from, by plain name."""
        written = ((section, key) for section in SECTIONS for key in getattr(self, section))
        return resolve(written, variant)

    @cached_property
    def searched(self) -> dict[str, dict[str, str]]:
        """For each variant what is searched: plain names, and their keys in :attr:`parameters`.

        Each name comes after those that its condition names.
        """
        return {variant: self._in_order(variant) for variant in self.variant}

    def suggest(self, trial: Trial) -> Params:
        """A configuration, as ``trial`` (Optuna's, or anything that asks like it) has it.

        The variant is asked for first, where there are several; then every parameter that it takes
        and whose condition holds. A parameter is asked for by its key in :attr:`parameters`, so
        that one name has one range; the configuration has plain names.
        """
        choice = Choice(type="choice", values=self.variant)
        variant = choice.suggest(trial, "variant") if len(self.variant) > 1 else self.variant[0]
        return self._assign(str(variant), lambda _, key: self.parameters[key].suggest(trial, key))

    def asked(self, params: Params) -> Params:
        """A configuration by the names that :meth:`suggest` asks for: what makes it again."""
        keys = self.searched[str(params["variant"])]
        return {keys.get(name, name): value for name, value in params.items()}

    def defaults(self) -> list[Params]:
        """For each variant its paper's configuration, moved into the ranges: the first trials."""
        return [self.nearest(variant) for variant in self.variant]

    def nearest(self, variant: str, wanted: Mapping[str, Scalar] = MappingProxyType({})) -> Params:
        """A variant's configuration in this space nearest to what is wanted, else to its paper.

        Args:
            variant: one of the space's.
            wanted: values by plain name, moved into the ranges; what is not searched, or has a
                condition that does not hold, is left out.
        """
        aims = {**defaults_of(variant), **wanted}

        def moved(name: str, key: str) -> Scalar:
            return self.parameters[key].nearest(aims[name])

        params = self._assign(variant, moved)
        following = auto_values(variant, {**self._fixed(params), **params}, self.data.resolution)
        for name, value in following.items():
            key = self.searched[variant].get(name)
            if key and aims[name] == AUTO and not self.parameters[key].admits(AUTO):
                aims[name] = value
        return self._assign(variant, moved)

    def train_config(
        self, params: Params, seed: int, lineage: Sequence[Ancestor] = ()
    ) -> TrainConfig:
        """The training run that sampled ``params`` stand for, with this space's fixed settings.

        Args:
            params: of the trial.
            seed: of its training.
            lineage: whose training it went on with: the run is then the whole of it, from the first
                one's beginning on.

        Raises:
            ConfigError: a parameter that the variant does not take, or a value out of its range.
        """
        stages = [*(ancestor.params for ancestor in lineage), params]
        changes = (
            {name: value for name, value in after.items() if before.get(name) != value}
            for before, after in pairwise(stages)
        )
        schedule = tuple(
            Change(kimg=ancestor.kimg, settings=settings)
            for ancestor, settings in zip(lineage, changes, strict=True)
        )
        return TrainConfig.from_params(
            {**self._fixed(params), **stages[0]},
            data=self.data,
            evaluation=self.evaluation.model_copy(update={"metrics": self._quality_metrics()}),
            compute=self.compute,
            seed=seed,
            max_kimg=self.budget.max_kimg,
            schedule=schedule,
        )

    def seed_of(self, params: Params) -> int | None:
        """The seed that the space gives a configuration, searched or fixed, if it gives one."""
        seed = {**self._fixed(params), **params}.get("seed")
        return None if seed is None else int(seed)

    def _fixed(self, params: Params) -> Params:
        entries = self.entries(str(params["variant"]))
        return {n: self.training[key] for n, (where, key) in entries.items() if where == "training"}

    def _in_order(self, variant: str) -> dict[str, str]:
        entries = self.entries(variant)
        keys = {name: key for name, (where, key) in entries.items() if where == "parameters"}
        graph = {name: self.parameters[key].when for name, key in keys.items()}
        return {n: keys[n] for n in TopologicalSorter(graph).static_order() if n in keys}

    def _assign(self, variant: str, value_of: Callable[[str, str], Scalar]) -> Params:
        params: Params = {"variant": variant}
        for name, key in self.searched[variant].items():
            if self.parameters[key].is_active(params):
                params[name] = value_of(name, key)
        return params

    def _quality_metrics(self) -> tuple[str, ...]:
        bounded = (bound.metric for bound in (*self.objectives, *self.constraints))
        quality = (name for name in bounded if METRICS[name].kind == "quality")
        return tuple(dict.fromkeys((*quality, *self.evaluation.metrics)))
