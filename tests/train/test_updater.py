from __future__ import annotations

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gansearch.data import Batch
from gansearch.train.updater import Updater, correct_for_lazy
from gansearch.variants.base import Penalty, Player


class Quadratic:
    """One weight w; the loss pulls it to the batch's mean, the penalty to zero."""

    def __init__(self, interval, optimiser):
        self.module = nn.Linear(1, 1, bias=False).double()
        nn.init.ones_(self.module.weight)
        self.interval = interval
        self.player = Player("d", (self.module,), optimiser)
        self.updated = []

    @property
    def weight(self):
        return self.module.weight

    def losses(self, _, batch):
        return {"total": (self.weight - batch.images.mean()).square().sum()}

    def penalties(self, _):
        return (Penalty("decay", self.interval, self._decay),) if self.interval else ()

    def after_step(self, _):
        self.updated.append(torch.is_grad_enabled())

    def _decay(self, _):
        return 0.1 * self.weight.square().sum()


BATCH = Batch(torch.zeros(2, 1, 8, 8, dtype=torch.float64))
SGD = partial(torch.optim.SGD, lr=0.01)


def test_a_penalty_of_every_step_is_part_of_the_loss():
    game = Quadratic(1, SGD)
    losses = Updater(game, game.player).step(BATCH, 0)
    assert losses["total"] == pytest.approx(1.1)
    assert losses["decay"] == pytest.approx(0.1)
    assert game.weight.item() == pytest.approx(1 - 0.01 * 2.2)
    assert game.updated == [False]


def test_a_lazy_penalty_is_a_step_of_its_own_weighted_by_its_interval():
    game = Quadratic(4, SGD)
    updater = Updater(game, game.player)
    rate = 0.01 * 4 / 5
    seen = [set(updater.step(BATCH, 0)) for _ in range(5)]
    assert seen == [{"total", "decay"}, {"total"}, {"total"}, {"total"}, {"total", "decay"}]
    lazy, plain = 1 - rate * 2 * 0.1 * 4, 1 - rate * 2
    assert game.weight.item() == pytest.approx(plain**5 * lazy**2)
    assert len(game.updated) == 7


@given(interval=st.integers(2, 16))
def test_lazy_and_every_step_agree_for_small_rates(interval):
    """As many gradient contributions in a round of the interval, whatever the interval."""
    weights = []
    for each in (1, interval):
        game = Quadratic(each, partial(torch.optim.SGD, lr=1e-5))
        updater = Updater(game, game.player)
        for group in updater.optimiser.param_groups:
            group["lr"] = 1e-5  # without the correction, which is for Adam
        for _ in range(interval):
            updater.step(BATCH, 0)
        weights.append(1 - game.weight.item())
    assert weights[0] == pytest.approx(weights[1], rel=1e-2)


@given(interval=st.integers(2, 32), lr=st.floats(1e-5, 1), beta=st.floats(0, 0.999))
def test_correction_is_stylegan2s(interval, lr, beta):
    optimiser = torch.optim.Adam([nn.Parameter(torch.zeros(1))], lr=lr, betas=(0.0, beta))
    correct_for_lazy(optimiser, [Penalty("r1", interval, lambda batch: batch.images.sum())])
    (group,) = optimiser.param_groups
    c = interval / (interval + 1)
    assert group["lr"] == pytest.approx(lr * c)
    assert group["initial_lr"] == group["lr"]
    assert group["betas"] == pytest.approx((0.0, beta**c))


def test_without_lazy_penalties_nothing_is_corrected():
    optimiser = torch.optim.Adam([nn.Parameter(torch.zeros(1))], lr=2e-4, betas=(0.5, 0.999))
    correct_for_lazy(optimiser, [])
    assert optimiser.param_groups[0]["lr"] == 2e-4
    assert optimiser.param_groups[0]["betas"] == (0.5, 0.999)
