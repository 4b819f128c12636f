"""The configuration of one training: flat parameters, errors in words, JSON."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from gansearch.config import (
    Change,
    ComputeConfig,
    DataConfig,
    EvaluationConfig,
    TrainConfig,
    settings_of,
)
from gansearch.errors import ConfigError
from gansearch.settings import Params


def config(params: Params, schedule: tuple[Change, ...] = (), resolution: int = 8) -> TrainConfig:
    return TrainConfig.from_params(
        params,
        data=DataConfig(name="digits", resolution=resolution),
        evaluation=EvaluationConfig(),
        seed=0,
        max_kimg=10,
        schedule=schedule,
    )


def test_flat_parameters_become_typed_settings() -> None:
    params: Params = {"variant": "dcgan", "seed": 7, "g_lr": 1e-3, "dsc.where": "both"}
    built = config(params)
    assert built.settings == settings_of(params)
    assert built.settings.dsc.where == "both"  # type: ignore[attr-defined]
    assert built.seed == 0  # the argument, not the parameter


def test_settings_without_a_training_keep_auto() -> None:
    params: Params = {"variant": "stylegan3", "batch_size": 16}
    assert settings_of(params).r1_gamma == "auto"  # type: ignore[attr-defined]
    resolved = config(params, resolution=64).settings
    assert resolved.r1_gamma == pytest.approx(0.001 * 64**2 / 16)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"variant": "gan", "beta1": 0.5}, r"^beta1: Extra inputs .* \(got 0.5\)$"),
        ({"variant": "gan", "g_lr": 7.0}, r"^g_lr: .*less than or equal to 1 \(got 7.0\)$"),
        ({"variant": "dcgan", "dsc.where": "all"}, r"^dsc.where: .* \(got 'all'\)$"),
    ],
)
def test_errors_have_key_message_and_value(params: Params, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as whole:
        config(params)
    with pytest.raises(ConfigError, match=message) as alone:
        settings_of(params)
    assert str(whole.value) == str(alone.value)


def test_an_unknown_variant_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"variant 'dcgam' is not one of .*dcgan"):
        config({"variant": "dcgam"})


def test_damaged_json_is_refused() -> None:
    text = config({"variant": "gan"}).to_json()
    assert TrainConfig.from_json(text).to_json() == text
    damaged = {key: value for key, value in json.loads(text).items() if key != "seed"}
    with pytest.raises(ConfigError, match="seed: Field required"):
        TrainConfig.from_json(json.dumps(damaged))


def test_settings_follow_the_schedule() -> None:
    changes = (
        Change(kimg=2, settings={"g_lr": 0.05}),
        Change(kimg=4, settings={"g_lr": 0.02, "d_steps": 3}),
    )
    run = config({"variant": "gan"}, changes)

    def at(images: int) -> tuple[float, int]:
        settings = dict(run.settings_at(images))
        return settings["g_lr"], settings["d_steps"]

    assert [at(n) for n in (0, 1999, 2000, 3999, 4000)] == [
        (0.1, 1),
        (0.1, 1),
        (0.05, 1),
        (0.05, 1),
        (0.02, 3),
    ]
    assert run.up_to(2000).schedule == ()
    assert run.up_to(2001).schedule == changes[:1]


def test_parts_are_checked_together() -> None:
    with pytest.raises(ValidationError, match="needs compiled networks"):
        ComputeConfig(cuda_graphs=True)
    with pytest.raises(ValidationError, match="'folder' needs a path"):
        DataConfig(name="folder")
    with pytest.raises(ValidationError, match="12 is not a power of two"):
        DataConfig(name="digits", resolution=12)
    compute = ComputeConfig(precision="tf32", compile="default", cuda_graphs=True)
    assert compute.needing_gpu == {"precision": "tf32", "cuda_graphs": True}
    assert ComputeConfig(precision="bfloat16").needing_gpu == {}
