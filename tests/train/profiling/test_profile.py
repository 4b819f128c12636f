"""Where time and memory go: parts against the whole, blocks against closed forms."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from gansearch.config import TrainConfig
from gansearch.data import load_images
from gansearch.nn.conv import ConvFactory
from gansearch.settings import Dsc
from gansearch.train.compute import Compute
from gansearch.train.profiling.blocks import blocks_of, measure
from gansearch.train.profiling.phases import AVERAGE, REST, watched_rounds
from gansearch.train.profiling.profile import Profile, profile
from gansearch.train.rounds import Rounds
from gansearch.variants.catalog import CATALOG

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def profiled(configure) -> Profile:
    config = configure("dcgan", batch_size=32, d_steps=2, r1_gamma=1.0, r1_interval=4)
    config = config.model_copy(update={"data": config.data.model_copy(update={"resolution": 16})})
    return profile(config, load_images(config.data).train, CPU, 6)


# --- Phases --------------------------------------------------------------------------------------


def test_phases_are_told_in_the_order_of_a_round(configure, build, images) -> None:
    variant = build(configure(d_steps=2, r1_gamma=1.0, r1_interval=2)).variant
    told: list[str] = []
    rounds = watched_rounds(variant, Compute(configure().compute, CPU), told.append)
    batch = images.train.batch(torch.arange(4))
    for _ in rounds.play(variant.phases(), lambda: batch):
        pass
    step = ["{} forward", "{} backward", "{} optimiser", REST]
    d, g = ([phase.format(name) for phase in step] for name in "dg")
    assert told == [*d, "d r1, one step in 2", REST, *d, *g, AVERAGE, REST]


def test_a_penalty_of_every_step_goes_backward_with_the_loss(configure, build, images) -> None:
    variant = build(configure(r1_gamma=1.0, r1_interval=1)).variant
    told: list[str] = []
    rounds = watched_rounds(variant, Compute(configure().compute, CPU), told.append)
    batch = images.train.batch(torch.arange(4))
    next(rounds.play([("d", 1)], lambda: batch))
    assert told == ["d forward", "d backward", "d r1", "d backward", "d optimiser", REST]


def test_watched_rounds_train_as_others_do(configure, build, images) -> None:
    config = configure(r1_gamma=1.0)
    batch = images.train.batch(torch.arange(16))
    states = []
    for watched in (False, True):
        variant, compute = build(config).variant, Compute(config.compute, CPU)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            rounds = (
                watched_rounds(variant, compute, lambda _: None)
                if watched
                else Rounds(variant, compute)
            )
            for _ in range(3):
                for _ in rounds.play([("d", 1), ("g", 1)], lambda: batch):
                    pass
        states.append(variant.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(*(s.values() for s in states), strict=True))


# --- Blocks --------------------------------------------------------------------------------------


def test_a_blocks_cost_is_counted_by_hand() -> None:
    n, cin, cout, side = 4, 8, 16, 10
    forms = {
        form: ConvFactory(dsc, "generator")(cin, cout, 3, resolution=16, bias=False)
        for form, dsc in (("dense", Dsc()), ("separable", Dsc(where="both")))
    }
    costs = measure(forms, [torch.randn(n, cin, side, side)], 2)
    dense, separable = costs["dense"], costs["separable"]
    assert dense.params == cin * cout * 9
    assert separable.params == cin * 9 + cin * cout
    assert dense.gmacs == pytest.approx(dense.params * side**2 / 1e9)
    assert separable.gmacs == pytest.approx(separable.params * side**2 / 1e9)
    out = 4 * n * cout * side**2
    assert dense.activations_mib == pytest.approx(out / 2**20)
    assert separable.activations_mib == pytest.approx((out + out * cin / cout) / 2**20)
    assert all(cost.forward_ms > 0 and cost.backward_ms > 0 for cost in costs.values())


def test_a_block_may_change_its_input_in_place() -> None:
    block = nn.Sequential(nn.LeakyReLU(0.2, inplace=True), nn.Linear(3, 3))
    assert measure({"own": block}, [torch.randn(2, 3)], 1)["own"].params == 12


def test_blocks_are_parts_with_weights() -> None:
    large = nn.Sequential(nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 3))
    network = nn.Module()
    network.body = nn.ModuleList([large, nn.BatchNorm2d(64)])
    network.head = nn.Bilinear(4, 4, 4)
    names = [name for name, _ in blocks_of(network, "g")]
    assert names == ["g.body.0.0", "g.body.0.2", "g.body.1", "g.head"]


# --- The whole -----------------------------------------------------------------------------------


def test_phases_add_up_to_the_round(profiled) -> None:
    assert sum(p.milliseconds for p in profiled.phases) == pytest.approx(profiled.round_ms, rel=0.4)
    names = {phase.name for phase in profiled.phases}
    assert names >= {"d forward", "d backward", "d optimiser", "g forward", "data", AVERAGE}
    assert "d r1, one step in 4" in names
    assert profiled.images == 64
    times = [phase.milliseconds for phase in profiled.phases]
    assert times == sorted(times, reverse=True)


def test_no_phase_takes_more_memory_than_the_whole(profiled) -> None:
    memory = {phase.name: phase.memory_mib for phase in profiled.phases}
    assert memory.pop("data") is None
    assert 0 < max(memory.values()) <= profiled.predicted_mib
    assert memory["d backward"] > memory["d optimiser"]


def test_blocks_hold_all_parameters(profiled) -> None:
    variant = CATALOG["dcgan"].load()(
        profiled.config.settings, load_images(profiled.config.data).train.spec
    )
    floating = [t for t in variant.state_dict().values() if t.is_floating_point()]
    assert sum(block.own.params for block in profiled.blocks) == sum(t.numel() for t in floating)


def test_only_what_dsc_changes_is_compared(profiled) -> None:
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
