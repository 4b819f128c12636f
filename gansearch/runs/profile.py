"""Profiling of a variant or of a space's first trial."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gansearch.config import DataConfig, EvaluationConfig, TrainConfig
from gansearch.data import load_images
from gansearch.hardware.device import best_device
from gansearch.runs.evaluate import data_config
from gansearch.settings import Scalar
from gansearch.space import load_space
from gansearch.train.profiling.profile import Profile, profile
from gansearch.variants.table import known

YAML = (".yaml", ".yml")


def profile_source(
    source: str, data: str | None, settings: Mapping[str, Scalar], *, steps: int
) -> Profile:
    """Profile on the best device of this machine.

    Args:
        source: a variant, with its paper's settings, or a space's file, whose first trial is
            profiled.
        data: data set as in :func:`gansearch.runs.evaluate.data_config`; by default the space's, or
            digits.
        settings: flat parameters that replace the source's.
        steps: number of rounds to time, at least 1.

    Raises:
        UsageError: there is no such variant, file or data, or a setting does not fit.
    """
    config = config_of(source, data, settings)
    return profile(config, load_images(config.data).train, best_device(), steps)


def config_of(source: str, data: str | None, settings: Mapping[str, Scalar]) -> TrainConfig:
    """Build the configuration to profile; arguments as in :func:`profile_source`."""
    chosen = None if data is None else data_config(data)
    if source.endswith(YAML):
        space = load_space(Path(source))
        if chosen is not None:
            space = space.model_copy(update={"data": chosen})
        return space.train_config({**space.defaults()[0], **settings}, seed=0)
    entry = known(source)
    return TrainConfig.from_params(
        {"variant": entry.name, **settings},
        data=chosen or DataConfig(name="digits", resolution=entry.resolution),
        evaluation=EvaluationConfig(),
        seed=0,
        max_kimg=1,
    )
