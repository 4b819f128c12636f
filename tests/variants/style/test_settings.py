"""Defaults of StyleGAN3 as in the paper and the released code."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gansearch.settings import AUTO
from gansearch.variants.catalog import CATALOG
from gansearch.variants.style.settings import Stylegan3Settings


def test_defaults_are_the_papers() -> None:
    settings = CATALOG["stylegan3"].settings()
    assert settings.g_lr == 2.5e-3
    assert settings.g_lr * settings.d_lr_ratio == pytest.approx(2e-3)
    assert (settings.beta1, settings.beta2, settings.r1_interval) == (0, 0.99, 16)
    assert settings.batch_size == 32
    assert {settings.ema_kimg, settings.r1_gamma, settings.blur_sigma, settings.blur_kimg} == {AUTO}
    assert (settings.loss, settings.d_steps, settings.g_steps) == ("non_saturating", 1, 1)


@pytest.mark.parametrize(
    ("resolution", "batch_size", "gamma"),
    [
        (1024, 32, 32.8),  # FFHQ, the paper's
        (512, 32, 8.2),  # AFHQv2 in T, the paper's
        (256, 64, 1),  # the paper's ablations
        (512, 32, 8),  # and below the released recommendations
        (256, 32, 2),
        (128, 32, 0.5),
    ],
)
@pytest.mark.parametrize("config", ["t", "r"])
def test_r1_follows_from_pixels_and_batch(resolution, batch_size, gamma, config) -> None:
    settings = Stylegan3Settings(config=config, batch_size=batch_size).resolved(resolution)
    assert settings.r1_gamma == pytest.approx(gamma, rel=0.05)


@pytest.mark.parametrize(
    ("config", "batch_size", "ema", "sigma", "fade"),
    [("t", 32, 10, 0, 200), ("r", 32, 10, 10, 200), ("r", 16, 5, 10, 100), ("t", 8, 2.5, 0, 50)],
)
def test_average_and_blur_follow_from_batch_and_config(
    config, batch_size, ema, sigma, fade
) -> None:
    settings = Stylegan3Settings(config=config, batch_size=batch_size).resolved(64)
    assert (settings.ema_kimg, settings.blur_sigma, settings.blur_kimg) == (ema, sigma, fade)


def test_given_numbers_are_kept() -> None:
    given = {"ema_kimg": 3.0, "r1_gamma": 0.0, "blur_sigma": 1.0, "blur_kimg": 7.0}
    settings = Stylegan3Settings(config="r", **given).resolved(256)
    assert {name: getattr(settings, name) for name in given} == given


@pytest.mark.parametrize("where", ["generator", "both"])
def test_config_r_refuses_a_separable_generator(where: str) -> None:
    with pytest.raises(ValidationError, match=r"take dsc\.where: discriminator"):
        Stylegan3Settings(config="r", dsc={"where": where})
    settings = Stylegan3Settings(config="r", dsc={"where": "discriminator"})
    assert settings.dsc.where == "discriminator"


def test_no_layer_is_between_two_convolutions() -> None:
    with pytest.raises(ValidationError, match="'none'"):
        Stylegan3Settings.model_validate({"dsc": {"middle": "norm_act"}})
