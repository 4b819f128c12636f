from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from torch import nn

from gansearch.errors import Diverged
from gansearch.train.monitor import (
    GROWTH_LIMIT,
    LOSS_LIMIT,
    DivergenceCheck,
    LossMeter,
    check_collapse,
    variety,
)


def test_means_are_by_player_and_part_and_start_again():
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


def test_the_variants_tensors_are_not_written_to():
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
        ({"loss/g/total": -2 * LOSS_LIMIT}, "explosion"),
    ],
)
def test_losses_are_named(module, losses, reason):
    with pytest.raises(Diverged, match="loss/") as caught:
        DivergenceCheck(module).check(losses, 3.0)
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
        check.check({}, 3.0)
    assert caught.value.reason == reason


def test_what_is_within_the_limits_passes(module):
    check = DivergenceCheck(module)
    nn.init.constant_(module.weight, 0.99 * GROWTH_LIMIT)
    nn.init.constant_(module.bias, 99 * GROWTH_LIMIT)
    check.check({"loss/d/total": 0.99 * LOSS_LIMIT}, 3.0)


def test_variety_of_images_in_closed_form():
    apart = torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 4, 4)
    assert variety(apart) == pytest.approx(2**0.5)
    half = torch.cat([apart, torch.zeros(2, 3, 4, 4)], dim=1)  # half of the channels are constant
    assert variety(half) == pytest.approx(2**0.5 / 2)
    assert variety(torch.full((5, 1, 2, 2), 0.7)) == 0


@pytest.mark.parametrize(
    ("now", "fresh", "collapsed"),
    [
        (0.0, 0.0, True),
        (0.001, 0.001, True),  # never left
        (0.0021, 0.001, False),  # slow, but on its way
        (0.019, 0.5, True),  # fell back
        (0.021, 0.5, False),
        (0.3, 0.3, False),  # began varied
    ],
)
def test_collapse_is_hardly_more_variety_than_none_and_than_before(now, fresh, collapsed):
    with pytest.raises(Diverged) if collapsed else nullcontext() as caught:
        check_collapse(now, fresh, 3.0)
    if caught is not None:
        assert (caught.value.reason, caught.value.kimg) == ("collapse", 3.0)
