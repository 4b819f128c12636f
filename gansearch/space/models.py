"""Validated models of a search space: parameters, data, objectives, budget and resources."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from graphlib import TopologicalSorter
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from gansearch.config import (
    Change,
    ComputeConfig,
    DataConfig,
    EvaluationConfig,
    TrainConfig,
    settings_of,
)
from gansearch.metrics.catalog import METRICS, current_name
from gansearch.settings import AUTO, LARGEST, Model, Params, Scalar, Settings
from gansearch.space import hints
from gansearch.space.parameters import Choice, Parameter, Trial, Value
from gansearch.space.scope import SECTIONS, SectionKey, resolve, split
from gansearch.space.specs import auto_values, defaults_of

if TYPE_CHECKING:
    from gansearch.record import Ancestor

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


class Space(Model):
    """A search space: a validated YAML of ``search_spaces/``.

    :func:`gansearch.space.load_space` reads one and also checks it against the catalogs of variants
    and metrics. Two spaces are equal if they have the same meaning, whatever their text.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
    """Name of the study and its experiment; the default is the file's name."""
    variant: tuple[str, ...] = Field(min_length=1)
    """The variant, or several to choose from."""
    data: DataConfig = DataConfig.model_construct(name="digits")
    """The images."""
    evaluation: EvaluationConfig = EvaluationConfig.model_construct()
    """Evaluation of quality."""
    training: dict[str, Value] = Field(default_factory=dict)
    """Flat settings that are the same in every trial; a variant ignores those that it does not
    take."""
    parameters: dict[str, Parameter]
    """Searched parameters by flat dotted name. Here and in :attr:`training`, a name with a
    variant's prefix, such as ``gan.g_lr``, applies to that variant alone and overrides the shared
    one."""
    objectives: tuple[Objective, ...]
    """Optimised metrics, at least one of them a quality metric."""
    constraints: tuple[Bound, ...] = ()
    """Bounds on metrics that are not optimised."""
    budget: Budget = Budget.model_construct()
    """Budget of the study."""
    resources: Resources = Resources.model_construct()
    """Resources of one trial."""
    compute: ComputeConfig = ComputeConfig.model_construct()
    """Numerical options of a trial's steps."""
    search: SearchConfig = SearchConfig.model_construct()
    """How configurations are proposed and stopped."""
    tracking: TrackingConfig = TrackingConfig.model_construct()
    """MLflow tracking."""
    text: str = Field(default="", exclude=True, repr=False)
    """The YAML source."""
    file: str = Field(default="", exclude=True, repr=False)
    """The source file."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and self.model_dump() == other.model_dump()

    @property
    def quality(self) -> Objective:
        """The first quality objective, by which trials are compared at a rung."""
        return next(o for o in self.objectives if METRICS[o.metric].kind == "quality")

    def entries(self, variant: str) -> dict[str, SectionKey]:
        """Return the entries that set the parameters of ``variant``, by plain name."""
        if variant not in self._resolved:
            written = ((section, key) for section in SECTIONS for key in getattr(self, section))
            self._resolved[variant] = resolve(written, variant)
        return self._resolved[variant]

    @cached_property
    def _resolved(self) -> dict[str, dict[str, SectionKey]]:
        return {}

    @cached_property
    def searched(self) -> dict[str, dict[str, str]]:
        """The searched parameters of each variant: plain names and keys in :attr:`parameters`.

        Each name follows the names in its condition.
        """
        return {variant: self._in_order(variant) for variant in self.variant}

    def sample(self, trial: Trial) -> Params:
        """Sample a configuration from ``trial``, Optuna's or any other with its methods.

        The variant comes first, if there are several. Every parameter of it whose condition holds
        follows. The configuration has the keys of :attr:`parameters`, so that one name has one
        range; :meth:`plain` gives the variant's own names.
        """
        choice = Choice(type="choice", values=self.variant)
        variant = choice.suggest(trial, "variant") if len(self.variant) > 1 else self.variant[0]
        params = self._assign(str(variant), lambda _, key: self.parameters[key].suggest(trial, key))
        return self.sampled(params)

    def plain(self, sampled: Params) -> Params:
        """Return a configuration by its variant's own names: ``g_lr`` for ``gan.g_lr``."""
        return {split(key)[1]: value for key, value in sampled.items()}

    def sampled(self, params: Params) -> Params:
        """Return a configuration by the keys of :attr:`parameters`: :meth:`plain`'s inverse."""
        keys = self.searched[str(params["variant"])]
        return {keys.get(name, name): value for name, value in params.items()}

    def defaults(self) -> list[Params]:
        """Return each variant's paper configuration, moved into the ranges: the first trials."""
        return [self.nearest(variant) for variant in self.variant]

    def nearest(self, variant: str, wanted: Mapping[str, Scalar] = MappingProxyType({})) -> Params:
        """Return the configuration in this space that is nearest to the wanted values.

        Args:
            variant: one of the space's variants.
            wanted: wanted values by plain name; the default is the paper's. They are moved into the
                ranges. Names that are not searched, or whose condition does not hold, are omitted.
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
        self, params: Params, seed: int, lineage: "Sequence[Ancestor]" = ()
    ) -> TrainConfig:
        """Return the training run for sampled ``params``, with this space's fixed settings.

        Args:
            params: parameters of the trial.
            seed: seed of its training.
            lineage: ancestors whose training it continues. The run then covers the whole lineage,
                from the first ancestor's start.

        Raises:
            ConfigError: the variant does not take a parameter, or a value is out of range.
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

    def settings_of(self, params: Params) -> Settings:
        """Return the variant's settings for sampled ``params``, with this space's fixed ones.

        Raises:
            ConfigError: the variant does not take a parameter, or a value is out of range.
        """
        return settings_of({**self._fixed(params), **params})

    def seed_of(self, params: Params) -> int | None:
        """Return the configuration's searched or fixed seed, or ``None`` if the space sets none."""
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
