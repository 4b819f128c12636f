"""The search space: how it is sampled, and the training runs that it describes."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from graphlib import TopologicalSorter
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from gansearch.config import (
    Change,
    ComputeConfig,
    DataConfig,
    EvaluationConfig,
    TrainConfig,
    settings_of,
)
from gansearch.metrics.catalog import METRICS
from gansearch.settings import AUTO, Model, Params, Scalar, Settings
from gansearch.space.parameters import Choice, Parameter, Trial, Value
from gansearch.space.scope import SECTIONS, SectionKey, resolve, split
from gansearch.space.sections import (
    Bound,
    Budget,
    Objective,
    Resources,
    SearchConfig,
    TrackingConfig,
)
from gansearch.space.specs import auto_values, defaults_of

if TYPE_CHECKING:
    from gansearch.record import Ancestor


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
