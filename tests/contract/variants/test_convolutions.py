"""Depthwise-separable convolutions of the variants that have any."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode


def counts(case: Any, where: str) -> dict[str, tuple[int, int]]:
    """Each player's parameters, and the operations of a sample or of a discriminator's loss."""
    variant = case.build(case.spec(scale=2), **{"dsc.where": where})
    batch = case.batch(variant.spec)
    found = {}
    for name, player in variant.players.items():
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            if name == "g":
                variant.sample(batch, torch.Generator().manual_seed(0))
            else:
                variant.losses(name, batch)
        parameters = sum(p.numel() for p in player.parameters())
        found[name] = (parameters, counter.get_total_flops())
    return found


@pytest.mark.takes("dsc.where")
def test_separable_convolutions_lower_parameters_and_operations(case) -> None:
    dense, generator = counts(case, "none"), counts(case, "generator")
    assert all(a < b for a, b in zip(generator["g"], dense["g"], strict=True))
    if "d" in dense:
        discriminator, both = counts(case, "discriminator"), counts(case, "both")
        assert generator["g"] == both["g"]
        assert generator["d"][0] == dense["d"][0]
        assert discriminator["g"] == dense["g"]
        assert all(a < b for a, b in zip(discriminator["d"], dense["d"], strict=True))
        assert both["d"][0] == discriminator["d"][0]
