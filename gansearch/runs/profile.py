"""Profiling of a variant or of a space's first trial."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gansearch.config import DataConfig, EvaluationConfig, TrainConfig
from gansearch.data import load_images
from gansearch.hardware.device import best_device
from gansearch.paths import StrPath
from gansearch.runs.data_sets import data_config
from gansearch.settings import Scalar
from gansearch.space import load_space
from gansearch.train.profiling.profile import Profile
from gansearch.train.profiling.profile import profile as profile_step
from gansearch.variants.table import known

YAML = (".yaml", ".yml")
"""Suffixes of a space's file."""


def profile(
    source: StrPath,
    *,
    data: StrPath | None = None,
    settings: Mapping[str, Scalar] | None = None,
    steps: int = 20,
) -> Profile:
    """Measure the time and memory of a training step on the best device of this machine.

    Args:
        source: a variant, with its paper's settings, or the path of a space's YAML file, whose
            first trial is profiled.
        data: data set as in :func:`gansearch.runs.data_sets.data_config`; by default the space's,
            or digits.
        settings: flat parameters that replace the source's, such as ``{"batch_size": 32,
            "dsc.where": "both"}``.
        steps: number of rounds to time, at least 1.

    Returns:
        Time and memory by section of a round and by block of the networks.

    Raises:
        UsageError: there is no such variant, file or data, or a setting does not fit.
    """
    chosen = None if data is None else str(data)
    config = config_of(str(source), chosen, settings or {})
    return profile_step(config, load_images(config.data).train, best_device(), steps)


def config_of(source: str, data: str | None, settings: Mapping[str, Scalar]) -> TrainConfig:
    """Build the configuration to profile; arguments as in :func:`profile`."""
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
