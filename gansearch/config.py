"""The validated models of one trial's training: what a checkpoint, a run and a worker agree on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from gansearch.errors import ConfigError
from gansearch.settings import LARGEST, Dsc, Model, Params, Scalar, Settings, flatten, nest
from gansearch.variants.catalog import CATALOG
from gansearch.variants.settings import LIVE, can_change

__all__ = ["Dsc", "Model", "Params", "Scalar", "Settings", "flatten", "nest"]


class DataConfig(Model):
    """Which images are trained on."""

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
    """What a broken image file does: stop with its name, or be named, counted and left out."""
    download: bool = False
    """Whether torchvision may fetch the files where they are missing."""

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
    """How the trials that may be on the front are scored again after the search."""

    samples: int = Field(default=10_000, ge=2, le=100_000)
    """Generated images per seed; part of the protocol."""
    seeds: int = Field(default=3, ge=2, le=100)
    """Seeds of the latent vectors; an interval needs at least two."""


class EvaluationConfig(Model):
    """How a trial's quality is measured: the part of the protocol that a person chooses."""

    metrics: tuple[str, ...] = ()
    """Quality metrics computed at every rung; the objectives are always among them."""
    samples: int = Field(default=1000, ge=2, le=100_000)
    """Generated images per evaluation; part of the protocol."""
    seed: int = Field(default=0, ge=0, le=LARGEST)
    """Seed of the latent vectors, the same ones at every evaluation."""
    inception_weights: Path | None = None
    """pytorch-fid's Inception weights; without it torch's hub cache is looked in."""
    resize: Literal["pytorch-fid", "clean-fid", "torch-fidelity"] = "pytorch-fid"
    """The tool whose way of resizing to Inception's 299 pixels is followed; part of the
    protocol."""
    finalists: FinalistsConfig | None = None
    """Scores the trials on the front, and those that are as good, again at the end of a study."""


GPU_ONLY = {"precision": "tf32", "cuda_graphs": True}
"""Settings of :class:`ComputeConfig`, and their values that only a GPU has."""


class ComputeConfig(Model):
    """How a step is computed.

    No setting changes more than the rounding, but for which elements a dropout drops, and the noise
    that a compiled network adds: these are drawn in another order.
    """

    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """Of the networks' convolutions and matrix products: ``tf32`` and ``bfloat16`` round what they
    multiply to 10 and 7 bits. Losses, gradient penalties, weights and samples stay float32."""
    memory_format: Literal["contiguous", "channels_last"] = "channels_last"
    """What lies together in a feature map's memory: a channel's pixels, or a pixel's channels."""
    compile: Literal["none", "default", "max-autotune"] = "none"
    """Whether networks are compiled (by torch's Inductor), which takes half a minute or more for
    shapes that no trial on the machine has had; ``max-autotune`` tries several kernels each."""
    cuda_graphs: bool = False
    """Whether compiled networks are launched on a GPU as one graph, which spares the host."""
    data: Literal["auto", "resident", "streamed"] = "auto"
    """Where images lie: on the device, or read ahead from memory or disk; ``auto`` has sets of up
    to 1 GiB on the device. The batches are the same, bit for bit."""

    @model_validator(mode="after")
    def _graphs_of_compiled(self) -> Self:
        if self.cuda_graphs and self.compile == "none":
            raise ValueError("cuda_graphs needs compiled networks: compile default or max-autotune")
        return self

    @property
    def needing_gpu(self) -> dict[str, Any]:
        """The settings that a CPU does not have, by name."""
        return {name: v for name, v in GPU_ONLY.items() if getattr(self, name) == v}


class Change(Model):
    """Settings that a run goes on with from a moment on."""

    kimg: float = Field(gt=0)
    """The moment: before the first round that begins with as many real images shown, in
    thousands."""
    settings: dict[str, Scalar]
    """Their new values, by flat name."""


class TrainConfig(Model):
    """Everything that determines one training run, up to the machine it runs on."""

    variant: str
    settings: Settings
    data: DataConfig
    evaluation: EvaluationConfig = EvaluationConfig()
    compute: ComputeConfig = ComputeConfig()
    seed: int = Field(ge=0, le=LARGEST)
    """Seed of the weights, the order of the images and the latent vectors."""
    max_kimg: float = Field(gt=0)
    """Real images shown to the discriminator over the whole run, in thousands."""
    schedule: tuple[Change, ...] = ()
    """What of :attr:`settings` changes on the way, in the order of kimg."""

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
        # On record is the number that a run was trained with, whatever the rule for it becomes.
        object.__setattr__(self, "settings", self.settings.resolved(self.data.resolution))
        return self

    @model_validator(mode="after")
    def _schedule_of_live_settings(self) -> Self:
        moments = [change.kimg for change in self.schedule]
        if moments != sorted(set(moments)):
            raise ValueError(f"the schedule's moments {moments} should ascend")
        for change in self.schedule:
            before = dict(self.settings_at(round(1000 * change.kimg) - 1))
            for name, value in change.settings.items():
                if name not in LIVE & before.keys() or not can_change(before[name], value):
                    raise ValueError(f"{name} cannot change to {value!r} while a run trains")
            type(self.settings).model_validate({**before, **change.settings})
        return self

    def settings_at(self, images: int) -> Settings:
        """The settings of a round that begins with so many real images shown."""
        past = [change for change in self.schedule if round(1000 * change.kimg) <= images]
        changed = {name: value for change in past for name, value in change.settings.items()}
        return self.settings.model_copy(update=changed)

    def up_to(self, kimg: float) -> TrainConfig:
        """The run without what changes only at ``kimg`` or later."""
        past = tuple(change for change in self.schedule if change.kimg < kimg * (1 - 1e-9))
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
        """The configuration that flat sampled parameters stand for.

        Args:
            params: flat parameters with ``variant`` among them; dotted names are nested. A
                ``seed`` among them is the trial's, which is given apart.
            data: the images.
            evaluation: how quality is measured.
            compute: how steps are computed; by the defaults, unless given.
            seed: of this run, at least 0.
            max_kimg: full budget in kimg.
            schedule: what changes on the way.

        Raises:
            ConfigError: a parameter that the variant does not take, or a value out of its range.
        """
        of_run = ("variant", "seed")
        settings = {name: value for name, value in params.items() if name not in of_run}
        try:
            return cls.model_validate(
                {
                    "variant": params["variant"],
                    "settings": nest(settings),
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

    # A subclass of Settings is stored whole, not cut to the base class's fields.
    def to_json(self) -> str:
        """This configuration as JSON; :meth:`from_json` reads it back."""
        return self.model_dump_json(serialize_as_any=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The configuration that :meth:`to_json` wrote.

        Raises:
            ConfigError: the text is not such a configuration.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ConfigError(describe(error)) from None


def describe(error: ValidationError) -> str:
    """A validation error as one line a problem: the dotted key, what is wrong, the value."""
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'configuration'}: {e['msg']} (got {e['input']!r})"
        for e in error.errors(include_url=False)
    )
