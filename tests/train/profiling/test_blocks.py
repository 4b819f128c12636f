from __future__ import annotations

import pytest
import torch
from torch import nn

from gansearch.nn.conv import ConvFactory
from gansearch.settings import Dsc
from gansearch.train.profiling.blocks import blocks_of, measure


def test_a_blocks_cost_equals_the_closed_form() -> None:
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
