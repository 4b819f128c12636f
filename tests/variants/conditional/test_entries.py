"""Defaults of the conditional variants as in the papers."""

from __future__ import annotations

import pytest

from gansearch.variants.catalog import CATALOG


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
