"""Entries under a variant's name apply to it alone and override the shared ones."""

from __future__ import annotations

import optuna

from gansearch.settings import Params
from gansearch.space import Constant, FloatRange, parse_space
from gansearch.space.scope import members, split
from gansearch.space.specs import takes
from gansearch.variants.catalog import CATALOG

TEXT = """\
variant: [dcgan, gan]
training: {batch_size: 64, d_steps: 2, gan: {batch_size: 16, z_dim: 32}}
parameters:
  loss: [non_saturating, hinge]
  z_dim: [64, 128]
  g_steps: {type: choice, values: [1, 2], when: {loss: minimax}}
  dcgan:
    g_lr: {type: float, low: 5e-4, high: 2e-3, log: true}
    dsc: {where: [none, both]}
  gan:
    g_lr: {type: float, low: 0.05, high: 0.3, log: true}
    loss: [non_saturating, minimax]
    d_steps: 3
  gan.momentum: {type: choice, values: [0, 0.5], when: {g_steps: 2}}
"""
SPACE = parse_space(TEXT, "own.yaml")
DCGAN: Params = {
    "variant": "dcgan",
    "loss": "hinge",
    "z_dim": 64,
    "g_lr": 1e-3,
    "dsc.where": "none",
}
GAN: Params = {"variant": "gan", "loss": "minimax", "g_steps": 2, "g_lr": 0.1, "momentum": 0.5}
GAN["d_steps"] = 3


def test_entries_are_flat_under_the_variant() -> None:
    assert SPACE.parameters["gan.g_lr"] == FloatRange(type="float", low=0.05, high=0.3, log=True)
    assert SPACE.parameters["gan.d_steps"] == Constant(type="constant", value=3)
    assert "dcgan.dsc.where" in SPACE.parameters
    assert SPACE.training == {"batch_size": 64, "d_steps": 2, "gan.batch_size": 16, "gan.z_dim": 32}


def test_own_entries_of_a_variant_override_shared_ones() -> None:
    assert SPACE.searched["dcgan"] == {
        "loss": "loss",
        "z_dim": "z_dim",
        "g_steps": "g_steps",
        "g_lr": "dcgan.g_lr",
        "dsc.where": "dcgan.dsc.where",
    }
    # z_dim is fixed for gan alone; d_steps is fixed for all others.
    assert SPACE.searched["gan"] == {
        "loss": "gan.loss",
        "g_steps": "g_steps",
        "g_lr": "gan.g_lr",
        "d_steps": "gan.d_steps",
        "momentum": "gan.momentum",
    }


def test_the_sampler_has_distinct_names_and_the_configuration_plain_ones() -> None:
    drawn = {"variant": "gan", "gan.loss": "minimax", "g_steps": 2, "gan.g_lr": 0.1}
    drawn["gan.momentum"] = 0.5
    trial = optuna.trial.FixedTrial(drawn)
    assert SPACE.plain(SPACE.sample(trial)) == GAN
    assert trial.params == drawn
    assert SPACE.sampled(GAN) == {**drawn, "gan.d_steps": 3}


def test_conditions_are_those_of_the_trials_own_variant() -> None:
    trial = optuna.trial.FixedTrial(SPACE.sampled(DCGAN))
    assert (
        SPACE.plain(SPACE.sample(trial)) == DCGAN
    )  # hinge is not minimax: g_steps is not asked for
    other = {**GAN, "loss": "non_saturating"}
    trial = optuna.trial.FixedTrial(SPACE.sampled(other))
    assert SPACE.plain(SPACE.sample(trial)).keys() == GAN.keys() - {"g_steps", "momentum"}


def test_one_study_takes_the_ranges_of_all_variants() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(20):
        trial = study.ask()
        params = SPACE.plain(SPACE.sample(trial))
        low, high = {"dcgan": (5e-4, 2e-3), "gan": (0.05, 0.3)}[str(params["variant"])]
        assert low <= float(params["g_lr"]) <= high
        study.tell(trial, 0.0)
    assert {"gan.g_lr", "dcgan.g_lr"} <= {name for t in study.trials for name in t.distributions}


def test_first_trials_are_within_each_variants_own_ranges() -> None:
    dcgan, gan = SPACE.defaults()
    assert (dcgan["g_lr"], dcgan["dsc.where"]) == (5e-4, "none")
    assert (gan["g_lr"], gan["d_steps"]) == (0.1, 3)


def test_fixed_settings_of_a_variant_go_before_the_shared_ones() -> None:
    dcgan = SPACE.train_config(DCGAN, seed=0).settings.model_dump()
    gan = SPACE.train_config(GAN, seed=0).settings.model_dump()
    assert (dcgan["batch_size"], dcgan["z_dim"], dcgan["d_steps"]) == (64, 64, 2)
    assert (gan["batch_size"], gan["z_dim"], gan["d_steps"]) == (16, 32, 3)


def test_nested_and_dotted_are_the_same() -> None:
    nested = "variant: dcgan\nparameters:\n  dcgan:\n    dsc: {where: both}\n    g_lr: 1e-4\n"
    dotted = "variant: dcgan\nparameters: {dcgan.dsc: {where: both}, dcgan.g_lr: 1e-4}\n"
    mixed = "variant: dcgan\nparameters: {dcgan: {dsc.where: both}, dcgan.g_lr: 1e-4}\n"
    spaces = [parse_space(text, "same.yaml") for text in (nested, dotted, mixed)]
    assert spaces[0] == spaces[1] == spaces[2]


def test_names_say_whose_they_are() -> None:
    assert split("gan.g_lr") == ("gan", "g_lr")
    assert split("dcgan.dsc.where") == ("dcgan", "dsc.where")
    assert [split(name)[0] for name in ("dsc.where", "g_lr", "gan", "")] == [""] * 4
    assert members("dcgan.dsc") == members("dsc")
    assert set(members("gan")) == takes("gan")
    assert members("g_lr") == members("dsc.where") == []


def test_no_variant_is_called_like_a_parameter_or_a_group() -> None:
    heads = {name.split(".")[0] for variant in CATALOG for name in takes(variant)}
    assert not heads & CATALOG.keys()
    assert not any("." in variant for variant in CATALOG)
