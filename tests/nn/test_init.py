"""Initial weights of dense and separable layers."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import nn

from gansearch.nn.conv import ConvFactory
from gansearch.nn.init import glorot_, normal_, orthogonal_
from gansearch.settings import Dsc

DENSE = ConvFactory(Dsc(), "generator")


def test_normal_weights_of_dense_layers_and_norms() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(100, 200), nn.BatchNorm2d(500), DENSE(64, 64, 3, resolution=8), nn.ReLU()
    )
    normal_(network, 0.05)
    linear, norm, conv, _ = network
    assert linear.weight.std().item() == pytest.approx(0.05, rel=0.05)
    assert conv.weight.std().item() == pytest.approx(0.05, rel=0.05)
    assert norm.weight.mean().item() == pytest.approx(1, abs=0.01)
    assert norm.weight.std().item() == pytest.approx(0.05, rel=0.15)
    assert not any(layer.bias.any() for layer in (linear, norm, conv))


@pytest.mark.parametrize("initialise", [glorot_, orthogonal_])
@pytest.mark.parametrize("order", ["depthwise_first", "pointwise_first"])
def test_separable_layers_start_with_the_gain_of_dense_ones(initialise, order) -> None:
    torch.manual_seed(0)
    scales = []
    for dsc in (Dsc(), Dsc(where="both", order=order)):
        layer = ConvFactory(dsc, "generator")(64, 64, 3, resolution=8)
        initialise(layer)
        with torch.no_grad():
            scales.append(layer(torch.randn(8, 64, 16, 16))[:, :, 2:-2, 2:-2].std().item())
    assert scales[1] == pytest.approx(scales[0], rel=0.1)


def test_orthogonal_weights_in_any_memory_format() -> None:
    layer = nn.Conv2d(8, 16, 3).to(memory_format=torch.channels_last)
    orthogonal_(layer)
    rows = layer.weight.flatten(1)
    torch.testing.assert_close(rows @ rows.T, torch.eye(16), atol=1e-5, rtol=0)
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)


def test_glorot_weights_are_uniform_with_the_variance_of_equation_16() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(300, 100)
    glorot_(layer, gain=2.0)
    bound = 2 * math.sqrt(6 / 400)
    assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.01)
    assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.01)
    assert not layer.bias.any()


def test_other_layers_keep_their_weights() -> None:
    embedding = nn.Embedding(3, 4)
    before = embedding.weight.clone()
    for initialise in (partial(normal_, std=0.02), glorot_, orthogonal_):
        initialise(nn.Sequential(embedding))
        assert torch.equal(embedding.weight, before)
