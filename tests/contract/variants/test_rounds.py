"""The steps of a variant's round."""

from __future__ import annotations

import pytest
import torch


def test_a_round_has_steps_of_all_players(case) -> None:
    variant = case.build()
    assert {name for name, _ in variant.phases()} == variant.players.keys()
    assert all(steps >= 1 for _, steps in variant.phases())


@pytest.mark.takes("d_steps")
@pytest.mark.parametrize(("d_steps", "g_steps"), [(1, 1), (5, 1), (2, 3)])
def test_a_round_follows_its_settings(case, d_steps, g_steps) -> None:
    variant = case.build(d_steps=d_steps, g_steps=g_steps)
    assert tuple(variant.phases()) == (("d", d_steps), ("g", g_steps))


@pytest.mark.takes("d_steps")
def test_adaptive_steps_follow_the_discriminator(case) -> None:
    variant = case.build(d_steps="adaptive")
    assert tuple(variant.phases()) == (("d", 1), ("g", 1))
    losses = variant.losses("d", case.batch())
    assert 0 <= losses["edge"] <= 1
    assert losses["d_steps"] == 1
    assert variant.evaluate(None)["d_steps"] == 1
    real, fake = torch.ones(1000), torch.zeros(1000)
    for expected, logits in ((2, (fake, real)), (3, (fake, real)), (2, (real, fake))):
        variant.adaptive.accumulate(*logits)
        assert tuple(variant.phases()) == (("d", expected), ("g", 1))
    assert variant.evaluate(None)["d_steps"] == 2
