"""Defaults of the first GANs as in the papers."""

from __future__ import annotations

from gansearch.losses.divergences import DIVERGENCES
from gansearch.variants.catalog import CATALOG
from gansearch.variants.classic.settings import DcganSettings, FganSettings, GanSettings


def test_defaults_of_gan_are_the_papers() -> None:
    settings = CATALOG["gan"].settings()
    assert settings == GanSettings(
        batch_size=100, g_lr=0.1, d_lr_ratio=0.5, momentum=0.5, final_momentum=0.7, d_steps=1,
        g_steps=1, z_dim=100, g_hidden=1200, d_hidden=240, d_pieces=5, dropout=0.5,
        loss="non_saturating",
    )  # fmt: skip


def test_defaults_of_dcgan_are_the_papers() -> None:
    assert CATALOG["dcgan"].settings() == DcganSettings(
        batch_size=128, g_lr=2e-4, d_lr_ratio=1, beta1=0.5, beta2=0.999, z_dim=100, d_steps=1
    )


def test_defaults_of_fgan_are_the_papers() -> None:
    settings = CATALOG["fgan"].settings()
    assert (settings.g_lr, settings.beta1, settings.z_dim, settings.d_steps) == (2e-4, 0.5, 100, 1)


def test_defaults_of_sgan_are_the_papers() -> None:
    settings = CATALOG["sgan"].settings()
    assert (settings.batch_size, settings.g_lr, settings.beta1, settings.labelled) == (
        *(100, 3e-4, 0.5, 100),
    )


def test_every_divergence_can_be_chosen() -> None:
    for name in DIVERGENCES:
        assert FganSettings.model_validate({"divergence": name}).divergence == name
