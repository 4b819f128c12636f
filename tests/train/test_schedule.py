"""Settings that change while a run trains: any way to the same schedule gives the same weights."""

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
    """Another value of every live setting that a variant has, but for those that are left out."""
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
def test_a_change_is_as_good_as_a_new_beginning(configure, build, cpu, tmp_path, variant):
    """In one run; by a child from its parent's checkpoint; and built anew around those weights."""
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


def test_a_checkpoint_beyond_a_change_is_of_no_other_run(configure, build, images, cpu, tmp_path):
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
def test_what_a_training_cannot_change_is_refused(configure, settings, problem):
    change = {"kimg": 1.0, "settings": settings}
    with pytest.raises(ValidationError, match=problem):
        TrainConfig.model_validate({**dict(configure("dcgan")), "schedule": [change]})


def test_changes_come_in_their_order(configure):
    moments = [{"kimg": kimg, "settings": {"g_lr": 0.1}} for kimg in (2.0, 1.0)]
    with pytest.raises(ValidationError, match="should ascend"):
        TrainConfig.model_validate({**dict(configure("dcgan")), "schedule": moments})


def test_a_schedule_is_read_back(configure):
    config = scheduled(configure("dcgan"), g_lr=0.1, d_steps=3)
    assert TrainConfig.from_json(config.to_json()) == config
