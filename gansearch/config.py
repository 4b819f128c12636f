"""Validated models of one trial's training, shared by checkpoints, runs and workers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from gansearch.errors import ConfigError
from gansearch.metrics.catalog import current_name
from gansearch.record import images_of
from gansearch.settings import (
    LARGEST,
    Model,
    Scalar,
    Settings,
    can_change,
    nest,
)
from gansearch.variants.catalog import CATALOG


class DataConfig(Model):
    """The training images."""

    name: Literal["digits", "photos", "folder", "mnist", "cifar10"]
    """``digits`` and ``photos`` ship with scikit-learn; ``folder`` reads image files; ``mnist`` and
    ``cifar10`` come through torchvision."""
    path: Path | None = None
    """Folder of the images (``folder``) or of torchvision's files (``mnist``, ``cifar10``)."""
    resolution: int = Field(default=8, ge=8, le=1024)
    """Height and width in pixels, a power of two; images are resized and centre-cropped to it."""
    holdout: float = Field(default=0.0, ge=0.0, le=0.5)
    """Share of the images kept out of training, the same ones for every trial."""
    unreadable: Literal["refuse", "skip"] = "refuse"
    """Treatment of a broken image file: stop with its name, or report, count and skip it."""
    download: bool = False
    """Whether torchvision may download missing files."""

    @field_validator("resolution")
    @classmethod
    def _power_of_two(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError(f"{value} is not a power of two")
        return value

    @model_validator(mode="after")
    def _path_where_needed(self) -> Self:
        if self.name in ("folder", "mnist", "cifar10") and self.path is None:
            raise ValueError(f"data {self.name!r} needs a path")
        return self


class FinalistsConfig(Model):
    """How trials that may be on the front are rescored after the search."""

    samples: int = Field(default=10_000, ge=2, le=100_000)
    """Generated images per seed; part of the protocol."""
    seeds: int = Field(default=3, ge=2, le=100)
    """Seeds of the latent vectors; an interval needs at least two."""


class EvaluationConfig(Model):
    """How a trial's quality is evaluated: the configurable part of the protocol."""

    metrics: tuple[str, ...] = ()
    """Quality metrics computed at every rung; the objectives are always among them."""
    samples: int = Field(default=1000, ge=2, le=100_000)
    """Generated images per evaluation; part of the protocol."""
    seed: int = Field(default=0, ge=0, le=LARGEST)
    """Seed of the latent vectors, the same at every evaluation."""
    inception_weights: Path | None = None
    """pytorch-fid's Inception weights; by default those in torch's hub cache."""
    resize: Literal["pytorch-fid", "clean-fid", "torch-fidelity"] = "pytorch-fid"
    """Tool whose resizing to Inception's 299 pixels is reproduced; part of the protocol."""
    finalists: FinalistsConfig | None = None
    """Rescoring of the trials that may be on the front, at the end of a study."""

    @field_validator("metrics")
    @classmethod
    def _current_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(current_name, value))


GPU_ONLY = {"precision": "tf32", "cuda_graphs": True}
"""Values of :class:`ComputeConfig` that need a GPU."""


class ComputeConfig(Model):
    """How a step is computed.

    Settings change results by rounding only, with two exceptions: dropout masks and the noise that
    a compiled network adds are drawn in another order.
    """

    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """Precision of the networks' convolutions and matrix products: ``tf32`` and ``bfloat16`` round
    factors to 10 and 7 bits. Losses, gradient penalties, weights and samples stay float32."""
    memory_format: Literal["contiguous", "channels_last"] = "channels_last"
    """Memory order of feature maps: pixels of a channel, or channels of a pixel, are contiguous."""
    compile: Literal["none", "default", "max-autotune"] = "none"
    """Whether networks are compiled by torch's Inductor. It takes half a minute or more for shapes
    that are new to the machine; ``max-autotune`` tries several kernels each."""
    cuda_graphs: bool = False
    """Whether compiled networks run on a GPU as one graph, which relieves the host."""
    data: Literal["auto", "resident", "streamed"] = "auto"
    """Location of the images: on the device, or read ahead from memory or disk; ``auto`` puts sets
    of up to 1 GiB on the device. The batches are the same, bit for bit."""

    @model_validator(mode="after")
    def _graphs_of_compiled(self) -> Self:
        if self.cuda_graphs and self.compile == "none":
            raise ValueError("cuda_graphs needs compiled networks: compile default or max-autotune")
        return self

    @property
    def needing_gpu(self) -> dict[str, Any]:
        """Settings that need a GPU, by name."""
        return {name: v for name, v in GPU_ONLY.items() if getattr(self, name) == v}


class Change(Model):
    """New values of settings from a point of training on."""

    kimg: float = Field(gt=0)
    """Time of the change: before the first round that starts with this many thousand real images
    shown."""
    settings: dict[str, Scalar]
    """New values by flat name."""


class TrainConfig(Model):
    """Everything that determines one training run, except the machine."""

    variant: str
    settings: Settings
    data: DataConfig
    evaluation: EvaluationConfig = EvaluationConfig.model_construct()
    compute: ComputeConfig = ComputeConfig.model_construct()
    seed: int = Field(ge=0, le=LARGEST)
    """Seed of the weights, the order of the images and the latent vectors."""
    max_kimg: float = Field(gt=0)
    """Real images shown to the discriminator over the whole run, in thousands."""
    schedule: tuple[Change, ...] = ()
    """Changes of :attr:`settings` during training, in order of kimg."""

    @model_validator(mode="before")
    @classmethod
    def _settings_of_variant(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and isinstance(value.get("settings"), Mapping):
            entry = CATALOG.get(str(value.get("variant")))
            if entry is None:
                raise ValueError(
                    f"variant {value.get('variant')!r} is not one of {', '.join(CATALOG)}"
                )
            return {**value, "settings": entry.settings.model_validate(value["settings"])}
        return value

    @model_validator(mode="after")
    def _resolved_settings(self) -> Self:
        # The record keeps the resolved number, in case the rule changes later.
        object.__setattr__(self, "settings", self.settings.resolved(self.data.resolution))
        return self

    @model_validator(mode="after")
    def _schedule_of_live_settings(self) -> Self:
        live = self.settings.live()
        moments = [change.kimg for change in self.schedule]
        if moments != sorted(set(moments)):
            raise ValueError(f"the schedule's moments {moments} should ascend")
        for change in self.schedule:
            before = dict(self.settings_at(images_of(change.kimg) - 1))
            for name, value in change.settings.items():
                if name not in live or not can_change(before[name], value):
                    raise ValueError(f"{name} cannot change to {value!r} while a run trains")
            type(self.settings).model_validate({**before, **change.settings})
        return self

    def settings_at(self, images: int) -> Settings:
        """Return the settings of a round that starts after this many real images."""
        past = [change for change in self.schedule if images_of(change.kimg) <= images]
        changed = {name: value for change in past for name, value in change.settings.items()}
        return self.settings.model_copy(update=changed)

    def up_to(self, images: int) -> Self:
        """Return the run without changes after this many real images or later."""
        past = tuple(change for change in self.schedule if images_of(change.kimg) < images)
        return self.model_copy(update={"schedule": past})

    @classmethod
    def from_params(
        cls,
        params: Mapping[str, Scalar],
        *,
        data: DataConfig,
        evaluation: EvaluationConfig,
        compute: ComputeConfig | None = None,
        seed: int,
        max_kimg: float,
        schedule: tuple[Change, ...] = (),
    ) -> Self:
        """Build the configuration for flat sampled parameters.

        Args:
            params: flat parameters, ``variant`` included; dotted names are nested. A ``seed`` among
                them is ignored; the argument counts.
            data: the images.
            evaluation: how quality is evaluated.
            compute: how steps are computed; defaults if ``None``.
            seed: seed of this run, at least 0.
            max_kimg: full budget in kimg.
            schedule: changes of settings during training.

        Raises:
            ConfigError: the variant does not take a parameter, or a value is out of range.
        """
        try:
            return cls.model_validate(
                {
                    "variant": params["variant"],
                    "settings": _nested_settings(params),
                    "data": data,
                    "evaluation": evaluation,
                    "compute": compute or ComputeConfig(),
                    "seed": seed,
                    "max_kimg": max_kimg,
                    "schedule": schedule,
                }
            )
        except ValidationError as error:
            raise ConfigError(describe(error)) from None

    # A subclass of Settings is stored completely, not cut to the base class's fields.
    def to_json(self) -> str:
        """Serialise this configuration as JSON; :meth:`from_json` reads it back."""
        return self.model_dump_json(serialize_as_any=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse the configuration that :meth:`to_json` wrote.

        Raises:
            ConfigError: the text is not a valid configuration.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ConfigError(describe(error)) from None


def settings_of(params: Mapping[str, Scalar]) -> Settings:
    """Return the typed settings of flat parameters, ``variant`` included; ``auto`` is kept.

    Raises:
        ConfigError: the variant does not take a parameter, or a value is out of range.
    """
    try:
        return CATALOG[str(params["variant"])].settings.model_validate(_nested_settings(params))
    except ValidationError as error:
        raise ConfigError(describe(error)) from None


def _nested_settings(params: Mapping[str, Scalar]) -> dict[str, Any]:
    of_run = ("variant", "seed")
    return nest({name: value for name, value in params.items() if name not in of_run})


def describe(error: ValidationError) -> str:
    """Format a validation error as one line with the key, message and value of each error."""
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'configuration'}: {e['msg']} (got {e['input']!r})"
        for e in error.errors(include_url=False)
    )
