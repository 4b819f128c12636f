"""Settings that several variants share: which are live, and their limits."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gansearch.space.specs import takes
from gansearch.variants.catalog import CATALOG
from gansearch.variants.settings import Adversarial, Convolutional, Game

LIVE = {
    *("g_lr", "d_lr_ratio", "beta1", "beta2"),
    *("d_steps", "g_steps"),
    *("gp_lambda", "r1_gamma", "clip"),
    *("class_weight", "contrastive_weight", "beta"),
}
"""Settings that a training can continue with other values of."""


@pytest.mark.parametrize("entry", CATALOG.values(), ids=lambda entry: entry.name)
def test_live_settings_of_each_variant(entry) -> None:
    assert entry.settings.live() == LIVE & takes(entry.name)


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        (Game, {"d_steps": 0}),
        (Game, {"d_steps": 21}),
        (Game, {"d_steps": "often"}),
        (Game, {"d_target": 0.5}),
        (Game, {"clip": -1}),
        (Adversarial, {"loss": "l2"}),
        (Convolutional, {"g_channels": 2}),
        (Convolutional, {"dsc": {"kernel_size": 4}}),
    ],
)
def test_values_out_of_range_are_refused(settings, wrong) -> None:
    with pytest.raises(ValidationError):
        settings.model_validate(wrong)


def test_steps_of_the_discriminator_are_a_number_or_adaptive() -> None:
    assert Game(d_steps=20).d_steps == 20
    assert Game(d_steps="adaptive").d_steps == "adaptive"
