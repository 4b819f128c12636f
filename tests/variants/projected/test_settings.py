"""Defaults of Projected GAN and Faster Projected GAN as released."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gansearch.variants.catalog import CATALOG
from gansearch.variants.projected.settings import ProjectedGanSettings


def test_defaults_are_the_released_configuration() -> None:
    settings = CATALOG["projected_gan"].settings()
    assert (settings.z_dim, settings.g_channels, settings.d_channels) == (256, 128, 64)
    assert (settings.loss, settings.augment) == ("hinge", "color_translation_cutout")
    assert (settings.g_lr, settings.d_lr_ratio, settings.beta1, settings.beta2) == (
        *(2e-4, 1.0, 0.0, 0.99),
    )
    assert settings.batch_size == 64
    assert settings.resolved(256).ema_kimg == 10 * 64 / 32
    assert (settings.scales, settings.projector_resolution) == (4, 224)
    assert (settings.gp_lambda, settings.r1_gamma) == (0, 0)


def test_faster_projected_gan_differs_in_the_default_of_dsc_alone() -> None:
    plain, faster = (CATALOG[name].settings() for name in ("projected_gan", "faster_projected_gan"))
    assert plain.model_copy(update={"dsc": faster.dsc}).model_dump() == faster.model_dump()
    assert (plain.dsc.where, faster.dsc.where) == ("none", "generator")
    # Another setting of the group leaves the default where it is.
    assert CATALOG["faster_projected_gan"].settings(dsc={"kernel_size": 5}).dsc.where == "generator"


def test_the_projector_has_four_maps_at_most() -> None:
    with pytest.raises(ValidationError, match="1, 2, 3 or 4"):
        ProjectedGanSettings.model_validate({"scales": 5})
