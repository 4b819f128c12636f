"""Defaults of the variational autoencoder, and the parameters that it lacks."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gansearch.variants.catalog import CATALOG


def test_defaults_are_the_papers() -> None:
    """Batches of 100; Adam with its own paper's rate and moments; the evidence lower bound."""
    settings = CATALOG["vae"].settings()
    assert settings.batch_size == 100
    assert (settings.g_lr, settings.beta1, settings.beta2) == (1e-3, 0.9, 0.999)
    assert (settings.z_dim, settings.decoder, settings.beta) == (20, "bernoulli", 1)


@pytest.mark.parametrize(
    "wrong", [{"d_steps": 1}, {"d_lr_ratio": 1.0}, {"dsc": {"where": "discriminator"}}]
)
def test_parameters_of_a_discriminator_are_refused(wrong) -> None:
    with pytest.raises(ValidationError):
        CATALOG["vae"].settings.model_validate(wrong)
