"""Scheduled changes of settings; the same schedule gives the same weights in all cases."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gansearch.config import Change, TrainConfig
from gansearch.data import load_images
from gansearch.errors import CheckpointError
from gansearch.train.checkpoint import read_checkpoint, write_checkpoint
from gansearch.train.trainer import Trainer
from gansearch.variants.catalog import CATALOG

AT, END = 0.03, 0.06
QUICK = ("gan", "dcgan", "vae")


def changed(config: TrainConfig) -> dict[str, float]:
    """Another value of every live setting that is not 0."""
    live = config.settings.live()
    values = {name: value for name, value in config.settings if name in live}
    return {
        name: value + 1 if isinstance(value, int) else value / 2
        for name, value in values.items()
        if value
    }


def scheduled(config: TrainConfig, **settings: float) -> TrainConfig:
    return config.model_copy(update={"schedule": (Change(kimg=AT, settings=settings),)})


def weights(trainer: Trainer) -> list[object]:
    state = {name: tensor.tolist() for name, tensor in trainer.variant.state_dict().items()}
    return [state, trainer.kimg]


@pytest.mark.parametrize(
    "variant",
    [pytest.param(v, marks=() if v in QUICK else pytest.mark.slow) for v in CATALOG],
)
def test_a_scheduled_change_equals_a_continued_checkpoint_and_a_rebuilt_run(
    configure, build, cpu, tmp_path, variant
):
    """Compare one run, a child of its parent's checkpoint, and a run built around those weights."""
    extra = {"gan": {"gp_lambda": 1.0}, "dcgan": {"r1_gamma": 1.0, "r1_interval": 2}}
    steps = {} if variant == "vae" else {"d_steps": 1}
    config = configure(variant, **steps, **extra.get(variant, {}))
    child = scheduled(config, **changed(config))
    images = load_images(config.data)
    path, anew_path = tmp_path / "parent.pt", tmp_path / "anew.pt"
    parent, whole = build(config), build(child)
    parent.advance(AT)
    parent.save(path)
    parent.advance(END)
    whole.advance(END)
    continued = Trainer.load(path, images, cpu, child)
    continued.advance(END)
    anew = config.model_copy(
        update={"settings": config.settings.model_copy(update=changed(config))}
    )
    write_checkpoint(anew_path, {**read_checkpoint(path), "config": anew.to_json()})
    rebuilt = Trainer.load(anew_path, images, cpu)
    rebuilt.advance(END)
    assert weights(continued) == weights(whole)
    assert weights(continued) == weights(rebuilt)
    assert weights(continued) != weights(parent)
    whole.save(path)
    assert weights(Trainer.load(path, images, cpu)) == weights(whole)


def test_a_checkpoint_after_a_change_is_refused_for_another_schedule(
    configure, build, images, cpu, tmp_path
):
    config = configure("dcgan")
    trainer = build(config)
    trainer.advance(2 * AT)
    trainer.save(tmp_path / "checkpoint.pt")
    with pytest.raises(CheckpointError, match="another configuration: schedule"):
        Trainer.load(tmp_path / "checkpoint.pt", images, cpu, scheduled(config, g_lr=0.1))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"z_dim": 4}, "z_dim cannot change to 4"),
        ({"d_steps": "adaptive"}, "d_steps cannot change to 'adaptive'"),
        ({"r1_gamma": 1.0}, "r1_gamma cannot change"),
        ({"beta": 0.5}, "beta cannot change"),
        ({"g_lr": 7.0}, "less than or equal to 1"),
    ],
)
def test_changes_of_settings_that_are_not_live_are_refused(configure, settings, problem):
    change = {"kimg": 1.0, "settings": settings}
    with pytest.raises(ValidationError, match=problem):
        TrainConfig.model_validate({**dict(configure("dcgan")), "schedule": [change]})


def test_unordered_changes_are_refused(configure):
    moments = [{"kimg": kimg, "settings": {"g_lr": 0.1}} for kimg in (2.0, 1.0)]
    with pytest.raises(ValidationError, match="should ascend"):
        TrainConfig.model_validate({**dict(configure("dcgan")), "schedule": moments})


def test_a_schedule_is_read_back(configure):
    config = scheduled(configure("dcgan"), g_lr=0.1, d_steps=3)
    assert TrainConfig.from_json(config.to_json()) == config
