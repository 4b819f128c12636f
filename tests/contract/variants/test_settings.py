"""Entries and settings of the variants."""

from __future__ import annotations

from typing import Any

import pytest

from gansearch.config import DataConfig, EvaluationConfig, TrainConfig
from gansearch.errors import ConfigError
from gansearch.settings import Scalar
from gansearch.space.specs import defaults_of, takes
from gansearch.variants.catalog import CATALOG


def config(case: Any, **params: Scalar) -> TrainConfig:
    return TrainConfig.from_params(
        {"variant": case.entry.name, **params},
        data=DataConfig(name="digits"),
        evaluation=EvaluationConfig(),
        seed=0,
        max_kimg=1,
    )


def test_the_small_form_has_parameters_of_the_variant(case) -> None:
    assert case.entry.small.keys() <= takes(case.entry.name)
    built = config(case, **case.entry.small)
    assert built.settings == case.entry.small_settings().resolved(built.data.resolution)


def test_a_configuration_is_read_back_from_json(case) -> None:
    written = config(case, **case.entry.small)
    assert TrainConfig.from_json(written.to_json()) == written


@pytest.mark.parametrize(
    ("params", "key"),
    [
        ({"g_learning_rate": 1e-4}, "g_learning_rate"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": "many"}, "batch_size"),
        ({"ema_kimg": float("nan")}, "ema_kimg"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(case, params, key) -> None:
    with pytest.raises(ConfigError, match=key):
        config(case, **params)


def test_parameters_of_other_variants_are_refused_by_name(case) -> None:
    others = {name: value for other in CATALOG for name, value in defaults_of(other).items()}
    for parameter in others.keys() - takes(case.entry.name):
        with pytest.raises(ConfigError, match=parameter.partition(".")[0]):
            config(case, **{parameter: others[parameter]})


def test_an_entry_describes_its_variant(case) -> None:
    entry = case.entry
    assert CATALOG[entry.name] is entry
    assert entry.home.startswith(f"{entry.family}.")
    assert entry.load().__module__ == f"gansearch.variants.{entry.home.split(':')[0]}"
    assert entry.summary
    assert any(character.isdigit() for character in entry.source)
