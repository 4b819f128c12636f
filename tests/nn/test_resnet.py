"""Residual networks: the papers' tables, and the blocks by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gansearch.nn.conv import ConvFactory, SeparableConv
from gansearch.nn.resnet import (
    DownBlock,
    ResnetFeatures,
    ResnetGenerator,
    UpBlock,
    discriminator_stages,
    generator_widths,
    glorot_resnet_,
)
from gansearch.settings import Dsc

DENSE = ConvFactory(Dsc(), "discriminator")


class Plain(nn.BatchNorm2d):
    """A batch norm that takes a condition and leaves it."""

    def forward(self, x, condition):
        return super().forward(x)


def generator(resolution: int, dsc: Dsc | None = None, **options) -> ResnetGenerator:
    conv = ConvFactory(dsc or Dsc(), "generator")
    widths = generator_widths(4, resolution)
    return ResnetGenerator(conv, inputs=6, widths=widths, images=3, norm=Plain, **options)


def test_widths_are_the_papers() -> None:
    # Miyato et al. 2018, table 4 (32 pixels) and their code for 64 and 128; 96 is BigGAN's.
    assert generator_widths(64, 32) == {4: 256, 8: 256, 16: 256, 32: 256}
    assert generator_widths(64, 64) == {4: 1024, 8: 512, 16: 256, 32: 128, 64: 64}
    assert list(generator_widths(64, 128).values()) == [1024, 1024, 512, 256, 128, 64]
    assert generator_widths(96, 32)[4] == 384


@pytest.mark.parametrize(
    ("resolution", "expected"),
    [
        (8, [(8, 128, True), (4, 128, False), (4, 128, False)]),
        (16, [(16, 128, True), (8, 128, False), (8, 128, False)]),
        (32, [(32, 128, True), (16, 128, True), (8, 128, False), (8, 128, False)]),
        (
            64,
            [
                (64, 64, True),
                (32, 128, True),
                (16, 256, True),
                (8, 512, True),
                (4, 1024, False),
            ],
        ),
    ],
)
def test_stages_are_the_papers(resolution, expected) -> None:
    assert discriminator_stages(64, resolution) == expected
    assert discriminator_stages(64, 128)[-2:] == [(8, 1024, True), (4, 1024, False)]


@pytest.mark.parametrize(("resolution", "attention"), [(8, True), (16, False), (128, False)])
def test_any_power_of_two_is_a_resolution(resolution, attention) -> None:
    with torch.device("meta"):
        network = generator(resolution, attention=attention, spectral_norm=attention)
        blocks = len(network.blocks)
        images = network(torch.empty(2, 6), [torch.empty(2)] * blocks)
        assert images.shape == (2, 3, resolution, resolution)
        features = ResnetFeatures(
            DENSE, images=3, channels=8, resolution=resolution, attention=attention
        )
        assert features(images).shape == (2, features.width)


def test_a_generators_block_equals_its_formula() -> None:
    torch.manual_seed(0)
    block = UpBlock(DENSE, 5, 7, resolution=8, norm=Plain, spectral_norm=False)
    x = torch.randn(3, 5, 4, 4)
    up = nn.Upsample(scale_factor=2)
    h = block.conv1.conv(up(F.relu(F.batch_norm(x, None, None, training=True))))
    h = block.conv2(F.relu(F.batch_norm(h, None, None, training=True)))
    expected = h + block.shortcut.conv(up(x))
    torch.testing.assert_close(block(x, torch.zeros(3)), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("down", [False, True])
def test_a_discriminators_block_equals_its_formula(first, down) -> None:
    torch.manual_seed(0)
    block = DownBlock(DENSE, 5, 7, resolution=8, down=down, first=first).eval()
    x = torch.randn(3, 5, 8, 8)
    kept = x.clone()
    conv1, conv2, shortcut = (
        getattr(layer, "conv", layer) for layer in (block.conv1, block.conv2, block.shortcut)
    )
    expected = conv2(F.relu(conv1(x if first else F.relu(x)))) + shortcut(x)
    expected = F.avg_pool2d(expected, 2) if down else expected
    torch.testing.assert_close(block(x), expected, atol=1e-5, rtol=1e-4)
    assert torch.equal(x, kept)


def test_a_block_of_equal_shapes_has_an_identity_shortcut() -> None:
    assert isinstance(
        DownBlock(DENSE, 4, 4, resolution=8, down=False, first=False).shortcut, nn.Identity
    )


def test_separable_by_resolution() -> None:
    network = generator(32, Dsc(where="generator", resolutions="16-32"))
    found = [sum(isinstance(m, SeparableConv) for m in block.modules()) for block in network.blocks]
    assert found == [0, 2, 2]
    conv = ConvFactory(Dsc(where="both", resolutions="8-8"), "discriminator")
    features = ResnetFeatures(conv, images=3, channels=8, resolution=32)
    found = [
        sum(isinstance(m, SeparableConv) for m in block.modules()) for block in features.blocks
    ]
    assert found == [0, 0, 2, 2]


# --- Initialisation ------------------------------------------------------------------------------


def test_glorots_variance_and_the_root_of_two_in_blocks() -> None:
    torch.manual_seed(0)
    network = ResnetGenerator(
        DENSE, inputs=64, widths=generator_widths(16, 8), images=3, norm=Plain
    )
    glorot_resnet_(network)
    block = network.blocks[0]
    for weight, gain, fans in (
        (network.stem[0].weight, 1, 64 + 64 * 16),
        (block.conv1.conv.weight, math.sqrt(2), 9 * 128),
        (block.conv2.weight, math.sqrt(2), 9 * 128),
        (block.shortcut.conv.weight, 1, 128),
        (network.image[2].weight, 1, 9 * 67),
    ):
        assert weight.std().item() == pytest.approx(gain * math.sqrt(2 / fans), rel=0.05)
    assert not block.conv1.conv.bias.any()
