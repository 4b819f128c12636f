"""Defaults of the conditional variants as in the papers."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gansearch.variants.catalog import CATALOG
from gansearch.variants.conditional.settings import ContraganSettings


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("acgan", {"batch_size": 100, "z_dim": 100, "beta1": 0.5, "d_steps": 1, "g_lr": 2e-4}),
        ("projgan", {"loss": "hinge", "d_steps": 5, "beta1": 0, "beta2": 0.9, "z_dim": 128}),
        ("contragan", {"loss": "hinge", "d_steps": 5, "temperature": 1, "contrastive_weight": 1}),
        ("cgan", {"loss": "non_saturating", "d_steps": 1}),
    ],
)
def test_defaults_are_the_papers(name, expected) -> None:
    settings = CATALOG[name].settings()
    assert {key: getattr(settings, key) for key in expected} == expected


def test_the_released_moving_average_is_a_decay_of_0_9999_a_round() -> None:
    images = 5 * ContraganSettings().batch_size
    half_life = 1000 * ContraganSettings().ema_kimg
    assert 0.5 ** (images / half_life) == pytest.approx(0.9999, abs=1e-6)


def test_the_latent_has_a_part_for_the_stem_and_each_block() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 4"):
        ContraganSettings(z_dim=3)
