"""DCGAN against its paper and released code."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from gansearch.data.batch import Batch, ImageSpec
from gansearch.nn.conv import SeparableConv
from gansearch.settings import Dsc
from gansearch.variants.classic.dcgan import Dcgan
from gansearch.variants.classic.settings import DcganSettings


def build(resolution: int = 16, channels: int = 1, **settings) -> Dcgan:
    torch.manual_seed(0)
    return Dcgan(DcganSettings(**settings), ImageSpec(channels, resolution))


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_parameters_at_64_pixels_are_those_of_the_released_code() -> None:
    """The released code has no biases, and a scale and a shift for each unit of the projection."""
    with torch.device("meta"):
        variant = build(64, channels=3)
    units, channels, pixels = 16 * 1024, 1024, 3
    assert count(variant.generator) == 18_885_760 - 2 * (units - channels) + pixels
    assert count(variant.discriminator) == 17_232_768 + 128 + 1


def test_released_kernels_and_steps_from_32_pixels_on() -> None:
    for resolution, expected in ((32, {(5, 2)}), (64, {(5, 2)}), (16, {(4, 2), (3, 1)})):
        with torch.device("meta"):
            variant = build(resolution)
        convs = [m for m in variant.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
        assert {(m.kernel_size[0], m.stride[0]) for m in convs} == expected
        assert len(convs) == 2 * (resolution.bit_length() - 3 + (resolution < 32))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("resolution", "steps", "taps", "last_taps"), [(8, 1, 16, 9), (16, 2, 16, 9), (64, 3, 25, 25)]
)
def test_parameters_in_closed_form(channels, resolution, steps, taps, last_taps) -> None:
    variant = build(resolution, channels, g_channels=16, d_channels=8, z_dim=10)
    g = [16 * 2**i for i in range(steps, -1, -1)]
    d = [8 * 2**i for i in range(steps + 1)]
    expected_g = 10 * g[0] * 16 + 2 * g[0]  # projection and its norm
    expected_g += sum(taps * a * b + 2 * b for a, b in pairwise(g))
    expected_g += last_taps * 16 * channels + channels
    expected_d = last_taps * channels * 8 + 8
    expected_d += sum(taps * a * b + 2 * b for a, b in pairwise(d))
    expected_d += 16 * d[-1] + 1
    assert count(variant.generator) == expected_g
    assert count(variant.discriminator) == expected_d


def test_layers_at_the_image_have_no_norm() -> None:
    variant = build(32)
    assert [type(x) for x in variant.generator][-2:] == [nn.ConvTranspose2d, nn.Tanh]
    assert [type(x) for x in variant.discriminator][:2] == [nn.Conv2d, nn.LeakyReLU]
    norms = {
        name: sum(isinstance(m, nn.BatchNorm2d) for m in player.modules[0].modules())
        for name, player in variant.players.items()
    }
    assert norms == {"g": 3, "d": 2}


def test_latents_are_uniform_in_the_unit_range() -> None:
    z = build().latents(20_000, torch.device("cpu"), torch.Generator().manual_seed(0))
    assert -1 <= z.min() < -0.999
    assert 0.999 < z.max() <= 1


@pytest.mark.parametrize(
    ("dsc", "expected"),
    [
        ({}, (0, 0)),
        ({"where": "generator"}, (3, 0)),  # three steps up, the last of them to the image
        ({"where": "discriminator"}, (0, 2)),  # three steps down, the first of them from the image
        ({"where": "both", "resolutions": "8-16"}, (2, 2)),
        ({"where": "both", "resolutions": "32-32"}, (1, 0)),  # a step counts at its larger side
        ({"where": "both", "resolutions": "high"}, (0, 0)),
    ],
)
def test_separable_where_the_setting_says(dsc, expected) -> None:
    variant = build(32, channels=3, g_channels=8, d_channels=8, dsc=Dsc(**dsc))
    found = [
        sum(isinstance(m, SeparableConv) for m in network.modules())
        for network in (variant.generator, variant.discriminator)
    ]
    assert tuple(found) == expected


def activations(variant: Dcgan) -> list[float]:
    """Deviations before each batch norm, of the generator and then of the discriminator."""
    found: list[float] = []
    for layer in variant.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.register_forward_pre_hook(lambda _, args: found.append(args[0].std().item()))
    batch = Batch(torch.rand(32, 1, 32, 32) * 2 - 1)
    with torch.no_grad():
        images = variant.generate(variant.latents(32, torch.device("cpu")), batch)
        variant.discriminate(images, batch)
    return found


def test_separable_networks_start_at_the_scale_of_dense_ones() -> None:
    torch.manual_seed(0)
    dense = activations(build(32))
    separable = activations(build(32, dsc=Dsc(where="both", kernel_size=5)))
    assert separable == pytest.approx(dense, rel=0.5)


def test_the_discriminator_has_batch_norms_without_a_penalty_and_none_with_it() -> None:
    for weight, has_norms in ((0.0, True), (1.0, False)):
        norms = [isinstance(m, nn.BatchNorm2d) for m in build(gp_lambda=weight).discriminator]
        assert any(norms) is has_norms
