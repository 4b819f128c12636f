"""The profile of a configuration: its sections and blocks against the whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gansearch.config import TrainConfig
from gansearch.data import load_images
from gansearch.train.profiling.profile import Profile, profile
from gansearch.train.profiling.sections import AVERAGE
from gansearch.variants.catalog import CATALOG

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def profiled(configure) -> Profile:
    config = configure("dcgan", batch_size=32, d_steps=2, r1_gamma=1.0, r1_interval=4)
    config = config.model_copy(update={"data": config.data.model_copy(update={"resolution": 16})})
    return profile(config, load_images(config.data).train, CPU, 6)


def test_sections_add_up_to_the_round(profiled) -> None:
    assert sum(p.milliseconds for p in profiled.sections) == pytest.approx(
        profiled.round_ms, rel=0.4
    )
    names = {section.name for section in profiled.sections}
    assert names >= {"d forward", "d backward", "d optimiser", "g forward", "data", AVERAGE}
    assert "d r1, one step in 4" in names
    assert profiled.images == 64
    times = [section.milliseconds for section in profiled.sections]
    assert times == sorted(times, reverse=True)


def test_no_section_takes_more_memory_than_the_whole(profiled) -> None:
    memory = {section.name: section.memory_mib for section in profiled.sections}
    assert memory.pop("data") is None
    assert 0 < max(memory.values()) <= profiled.predicted_mib
    assert memory["d backward"] > memory["d optimiser"]


def test_blocks_hold_all_parameters(profiled) -> None:
    variant = CATALOG["dcgan"].load()(
        profiled.config.settings, load_images(profiled.config.data).train.spec
    )
    floating = [t for t in variant.state_dict().values() if t.is_floating_point()]
    assert sum(block.own.params for block in profiled.blocks) == sum(t.numel() for t in floating)


def test_only_blocks_that_dsc_changes_are_compared(profiled) -> None:
    compared = [block for block in profiled.blocks if block.forms]
    assert compared
    for block in compared:
        dense, separable = block.forms["dense"], block.forms["separable"]
        assert dense.params > separable.params
        assert block.own.params == dense.params
        assert block.ratio == pytest.approx(dense.milliseconds / separable.milliseconds)
    assert replace(compared[0], forms={}).ratio is None


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOG)
def test_every_variant_is_profiled(name, configure) -> None:
    config: TrainConfig = configure(name)
    found = profile(config, load_images(config.data).train, CPU, 1)
    networks = {block.name.split(".")[0] for block in found.blocks}
    assert networks >= {"vae": set()}.get(name, {"generator", "discriminator"})
    assert found.blocks
