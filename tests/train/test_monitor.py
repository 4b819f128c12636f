from __future__ import annotations

import pytest
import torch
from torch import nn

from gansearch.errors import Diverged
from gansearch.train.monitor import (
    GROWTH_LIMIT,
    LOSS_GROWTH,
    DivergenceCheck,
    LossMeter,
)


def test_means_are_by_player_and_part_and_restart_after_each_window():
    meter = LossMeter()
    for value in (1.0, 2.0, 6.0):
        meter.add("d", {"total": torch.tensor(value), "real": torch.tensor(2 * value)})
    meter.add("g", {"total": torch.tensor(5.0, dtype=torch.bfloat16)})
    meter.add("d", {"r1": torch.tensor(7.0)})  # lazy: fewer than the others
    assert meter.close() == {
        "loss/d/total": 3.0,
        "loss/d/real": 6.0,
        "loss/g/total": 5.0,
        "loss/d/r1": 7.0,
    }
    assert meter.close() == {}


def test_the_meter_does_not_change_the_variants_tensors():
    loss = torch.tensor(1.0)
    meter = LossMeter()
    meter.add("d", {"total": loss})
    meter.add("d", {"total": loss})
    assert loss == 1


@pytest.fixture
def module():
    module = nn.Linear(4, 4)
    nn.init.constant_(module.weight, 0.02)
    nn.init.constant_(module.bias, 100)  # as a layer with a large initial scale
    return module


@pytest.mark.parametrize(
    ("losses", "reason"),
    [
        ({"loss/d/total": float("nan")}, "nan"),
        ({"loss/d/total": float("inf")}, "explosion"),
        ({"loss/g/total": -2 * LOSS_GROWTH}, "explosion"),
    ],
)
def test_losses_are_named(module, losses, reason):
    with pytest.raises(Diverged, match="loss/") as caught:
        DivergenceCheck(module).check(losses, {}, 3.0)
    assert (caught.value.reason, caught.value.kimg) == (reason, 3.0)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("weight", float("nan"), "nan"),
        ("weight", 1.01 * GROWTH_LIMIT, "explosion"),
        ("bias", 101 * GROWTH_LIMIT, "explosion"),
    ],
)
def test_parameters_are_named(module, name, value, reason):
    check = DivergenceCheck(module)
    nn.init.constant_(getattr(module, name), value)
    with pytest.raises(Diverged, match=name) as caught:
        check.check({}, {}, 3.0)
    assert caught.value.reason == reason


def test_values_within_the_limits_pass(module):
    check = DivergenceCheck(module)
    nn.init.constant_(module.weight, 0.99 * GROWTH_LIMIT)
    nn.init.constant_(module.bias, 99 * GROWTH_LIMIT)
    check.check({"loss/d/total": 0.99 * LOSS_GROWTH}, {"d": 0.1}, 3.0)


def test_the_limit_of_a_loss_follows_from_its_players_first_step():
    meter = LossMeter()
    meter.add("g", {"total": torch.tensor(-2e6), "divergence": torch.tensor(3.0)})
    meter.add("g", {"total": torch.tensor(9e9), "divergence": torch.tensor(3.0)})
    meter.add("d", {"total": torch.tensor(1.4)})
    meter.close()
    meter.add("g", {"total": torch.tensor(5.0)})
    meter.close()
    assert meter.scales == pytest.approx({"g": 2e6, "d": 1.4})


@pytest.mark.parametrize("first", [2e6, float("nan"), float("inf")])
def test_a_loss_may_start_large_but_not_grow(module, first):
    check = DivergenceCheck(module)
    scale = first if first == 2e6 else 1.0
    check.check({"loss/g/divergence": 0.99 * scale * LOSS_GROWTH}, {"g": first}, 3.0)
    with pytest.raises(Diverged, match="loss/g/divergence"):
        check.check({"loss/g/divergence": 1.01 * scale * LOSS_GROWTH}, {"g": first}, 3.0)
