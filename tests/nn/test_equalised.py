"""Equalised learning rate in closed form."""

import math

import pytest
import torch
from torch import nn
from torch.optim import Adam

from gansearch.nn.conv import ConvFactory
from gansearch.nn.equalised import ScaledLeakyReLU, equalise
from gansearch.settings import Dsc


def test_stored_weights_have_unit_variance_and_used_ones_that_of_the_fan_in() -> None:
    torch.manual_seed(0)
    for layer, fan_in in ((nn.Linear(200, 300), 200), (nn.Conv2d(40, 50, 3), 360)):
        equalise(layer)
        stored = layer.parametrizations.weight.original
        assert stored.std().item() == pytest.approx(1, abs=0.02)
        assert torch.allclose(layer.weight, stored / math.sqrt(fan_in))
        assert not layer.bias.any()


def test_learning_rate_multiplier_is_of_weight_and_bias() -> None:
    torch.manual_seed(0)
    layer = equalise(nn.Linear(200, 300), lr_multiplier=0.01)
    assert layer.weight.std().item() == pytest.approx(200**-0.5, rel=0.02)
    before = layer.weight.detach().clone()
    layer(torch.ones(1, 200)).sum().backward()
    Adam(layer.parameters(), lr=0.1).step()
    assert (layer.weight - before).mean().item() == pytest.approx(-0.1 * 0.01 / 200**0.5, rel=1e-3)
    assert layer.bias.mean().item() == pytest.approx(-0.1 * 0.01, rel=1e-3)


@pytest.mark.parametrize("order", ["depthwise_first", "pointwise_first"])
@pytest.mark.parametrize("multiplier", [1, 2])
def test_separable_convolutions_keep_the_dense_gain(order, multiplier) -> None:
    torch.manual_seed(0)
    dsc = Dsc(where="both", order=order, depth_multiplier=multiplier)
    gains = {}
    for setting in (Dsc(), dsc):
        layers = [
            equalise(ConvFactory(setting, "generator")(32, 32, 3, resolution=8)) for _ in range(8)
        ]
        with torch.no_grad():
            outputs = [layer(torch.randn(8, 32, 10, 10))[..., 1:-1, 1:-1] for layer in layers]
        gains[setting.where] = torch.stack(outputs).std().item()
    assert gains["both"] == pytest.approx(gains["none"], rel=0.1)
    assert gains["none"] == pytest.approx(1, rel=0.1)


def test_scaled_leaky_relu_keeps_the_magnitude() -> None:
    x = torch.randn(100_000, generator=torch.Generator().manual_seed(0))
    assert ScaledLeakyReLU()(x).square().mean().item() == pytest.approx(1 + 0.2**2, rel=0.02)
