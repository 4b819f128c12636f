"""Perceptrons of the first GAN."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gansearch.nn.blocks import Maxout
from gansearch.nn.mlp import MaxoutDiscriminator, MlpGenerator

SHAPE = (1, 8, 8)


def discriminator(dropout: float = 0.5) -> MaxoutDiscriminator:
    return MaxoutDiscriminator(SHAPE, hidden=240, pieces=5, dropout=dropout)


def test_initial_ranges_are_the_released_ones() -> None:
    torch.manual_seed(0)
    generator = MlpGenerator(SHAPE, inputs=100, hidden=1200)
    for network, bound in ((generator, 0.05), (discriminator(), 0.005)):
        layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
        assert len(layers) == 3
        for layer in layers:
            assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.05)
            assert not layer.bias.any()


def test_dropout_precedes_each_layer_of_the_discriminator() -> None:
    kinds = [type(layer) for layer in discriminator().layers]
    assert kinds[1:7] == [nn.Dropout, Maxout, nn.Dropout, Maxout, nn.Dropout, nn.Linear]
    rates = [m.p for m in discriminator(dropout=0.3).modules() if isinstance(m, nn.Dropout)]
    assert rates == [0.2, 0.3, 0.3]


def test_black_is_zero_for_the_discriminator() -> None:
    seen = []
    network = discriminator().eval()
    network.layers.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    network(torch.stack([torch.full(SHAPE, v) for v in (-1.0, 0.0, 1.0)]))
    assert seen[0].flatten(1)[:, 0].tolist() == [0, 0.5, 1]


def test_generated_images_are_within_the_range_of_pixels() -> None:
    images = MlpGenerator(SHAPE, inputs=4, hidden=8)(100 * torch.randn(50, 4))
    assert images.shape == (50, *SHAPE)
    assert images.abs().max() <= 1
