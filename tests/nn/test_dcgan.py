"""Networks of DCGAN at any resolution."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gansearch.nn.conv import ConvFactory
from gansearch.nn.dcgan import DcganDiscriminator, DcganGenerator, widths
from gansearch.settings import Dsc


def test_channels_at_64_pixels_are_those_of_figure_1() -> None:
    assert widths(128, 32) == {4: 1024, 8: 512, 16: 256, 32: 128}
    assert widths(64, 8) == {4: 128, 8: 64}
    assert widths(32, 512)[4] == widths(32, 512)[64] == 256


@pytest.mark.parametrize("resolution", [8, 16, 32, 64, 128, 256, 512, 1024])
def test_shapes_are_right_at_any_power_of_two(resolution: int) -> None:
    form = {"channels": 16, "images": 3, "resolution": resolution}
    with torch.device("meta"):
        generator = DcganGenerator(ConvFactory(Dsc(), "generator"), inputs=10, **form)
        images = generator(torch.empty(2, 10))
        assert images.shape == (2, 3, resolution, resolution)
        for outputs, shape in ((1, (2,)), (5, (2, 5))):
            factory = ConvFactory(Dsc(), "discriminator")
            assert DcganDiscriminator(factory, outputs=outputs, **form)(images).shape == shape


def test_weights_are_normal_with_deviation_two_hundredths() -> None:
    torch.manual_seed(0)
    form = {"channels": 64, "images": 1, "resolution": 32}
    networks = (
        DcganGenerator(ConvFactory(Dsc(), "generator"), inputs=100, **form),
        DcganDiscriminator(ConvFactory(Dsc(), "discriminator"), **form),
    )
    for layer in (layer for network in networks for layer in network.modules()):
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            deviation = layer.weight.std().item()
            assert deviation == pytest.approx(0.02, rel=3 / layer.weight.numel() ** 0.5)
        elif isinstance(layer, nn.BatchNorm2d):
            assert layer.weight.mean().item() == pytest.approx(1, abs=0.01)
