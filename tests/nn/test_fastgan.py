"""FastGAN's generator against the counts and formulas of its paper and reference code."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from gansearch.nn.conv import ConvFactory, SeparableConv
from gansearch.nn.fastgan import Excitation, FastGan, Noise, UpBlock, on_hypersphere, widths
from gansearch.nn.spectral import UnitFilters
from gansearch.settings import Dsc

DENSE = Dsc()
FASTER = Dsc(where="generator")


def generator(size="big", dsc=DENSE, *, dsc_sle=False, resolution=256, **small) -> FastGan:
    settings = {"z_dim": 256, "channels": 128, "images": 3, **small}
    return FastGan(resolution=resolution, size=size, dsc=dsc, dsc_sle=dsc_sle, **settings)


def small(size="big", dsc=DENSE, resolution=16, **settings) -> FastGan:
    torch.manual_seed(0)
    return generator(size, dsc, resolution=resolution, z_dim=6, channels=4, **settings)


def separable(network: nn.Module) -> list[str]:
    return [name for name, layer in network.named_modules() if isinstance(layer, SeparableConv)]


# --- At the paper's size, on meta tensors ---------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "dsc", "params_m", "gmacs"),
    [
        ("big", Dsc(), 105.68, 49.67),
        ("big", FASTER, 36.60, 5.85),
        ("lite", Dsc(), 79.35, 31.55),
        ("lite", FASTER, 33.65, 3.76),
        ("big", Dsc(where="generator", resolutions="8-16"), 42.81, 43.23),
        ("big", Dsc(where="generator", resolutions="64-256"), 102.61, 15.50),
    ],
)
def test_counts_of_the_reference_at_256_pixels(size, dsc, params_m, gmacs) -> None:
    with torch.device("meta"):
        network = generator(size, dsc).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            images = network(torch.randn(1, 256))
    assert images.shape == (1, 3, 256, 256)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(params_m, rel=0.01)
    assert counter.get_total_flops() / 2e9 == pytest.approx(gmacs, rel=0.01)


def test_the_first_and_last_layers_stay_dense_and_excitations_become_separable() -> None:
    def millions(network: nn.Module) -> float:
        return sum(p.numel() for p in network.parameters()) / 1e6

    with torch.device("meta"):
        plain, eligible = generator(dsc=FASTER), generator(dsc=FASTER, dsc_sle=True)
        out_of_range = generator(dsc=Dsc(where="generator", resolutions="8-256"), dsc_sle=True)
    assert millions(plain.first) == pytest.approx(16.8, rel=0.01)
    assert millions(plain.excitations) == pytest.approx(11.1, rel=0.01)
    assert separable(plain.excitations) == separable(plain.first) == []
    assert isinstance(plain.to_image, nn.Conv2d)
    assert millions(eligible.excitations) < 0.1 * millions(plain.excitations)
    assert len(separable(eligible.excitations)) == 3  # not the 1x1 ones
    assert separable(out_of_range.excitations) == []  # their maps have 4 pixels


def test_widths_are_the_references() -> None:
    assert widths(128, 256) == {4: 2048, 8: 1024, 16: 512, 32: 256, 64: 256, 128: 128, 256: 64}
    assert widths(128, 1024)[1024] == 16
    assert min(widths(4, 1024).values()) == 1


@pytest.mark.parametrize("resolution", [8, 32, 64, 1024])
def test_excitations_from_64_to_512_pixels(resolution) -> None:
    with torch.device("meta"):
        network = generator(resolution=resolution)
        assert network(torch.randn(2, 256)).shape == (2, 3, resolution, resolution)
    expected = [str(r) for r in (64, 128, 256, 512) if r <= resolution]
    assert list(network.excitations) == expected


# --- Depthwise-separable convolutions -------------------------------------------------------------


def test_every_convolution_of_the_blocks_is_separable_in_range() -> None:
    everywhere = small(dsc=FASTER, resolution=32)
    assert separable(everywhere) == [f"blocks.{r}.{i}" for r in (8, 16, 32) for i in (1, 5)]
    middle = small(dsc=Dsc(where="generator", resolutions="16-16"), resolution=32)
    assert separable(middle) == ["blocks.16.1", "blocks.16.5"]
    assert separable(small(dsc=Dsc(where="discriminator"), resolution=32)) == []


def test_the_depthwise_half_is_on_the_narrower_side() -> None:
    with torch.device("meta"):
        network = generator(dsc=FASTER)
    halves = [layer for layer in network.modules() if isinstance(layer, SeparableConv)]
    assert len(halves) == 12
    for layer in halves:
        assert layer.depthwise.in_channels == layer.pointwise.in_channels
        assert layer.depthwise.in_channels <= layer.pointwise.out_channels


def test_depthwise_filters_are_normalised_one_by_one() -> None:
    """Flattened by torch's spectral norm they would lose most of their gain."""
    network = small(dsc=FASTER, resolution=32)
    for layer in network.modules():
        if isinstance(layer, SeparableConv):
            assert isinstance(layer.depthwise.parametrizations.weight[0], UnitFilters)
            norms = layer.depthwise.weight.flatten(1).norm(dim=1)
            torch.testing.assert_close(norms, torch.ones_like(norms))


@pytest.mark.parametrize(
    ("order", "middle"), [("pointwise_first", "none"), ("depthwise_first", "norm_act")]
)
def test_the_form_of_a_separable_convolution_follows_the_settings(order, middle) -> None:
    dsc = Dsc(where="generator", order=order, middle=middle, kernel_size=5)
    network = small(dsc=dsc)
    (first, *_) = (layer for layer in network.modules() if isinstance(layer, SeparableConv))
    assert (first[0] is first.depthwise) is (order == "depthwise_first")
    assert hasattr(first, "norm") is (middle == "norm_act")
    assert first.depthwise.kernel_size == (5, 5)
    assert network(torch.randn(3, 6)).isfinite().all()


# --- What it computes -----------------------------------------------------------------------------


def test_latents_lie_on_the_hypersphere() -> None:
    z = torch.randn(5, 6)
    torch.testing.assert_close(on_hypersphere(z).norm(dim=1), torch.full((5,), 6**0.5))
    network = small().eval()
    torch.testing.assert_close(network(z), network(3 * z), rtol=1e-4, atol=1e-5)


def test_a_block_upsamples_normalises_and_gates() -> None:
    torch.manual_seed(0)
    block = UpBlock(ConvFactory(Dsc(), "generator"), 6, 4, 8, "lite")
    x = torch.randn(3, 6, 4, 4)
    _, conv, norm, _ = block
    y = norm(conv(x.repeat_interleave(2, 2).repeat_interleave(2, 3)))
    torch.testing.assert_close(block(x), y[:, :4] * y[:, 4:].sigmoid(), rtol=1e-3, atol=1e-4)


def test_an_excitation_scales_channels_between_0_and_1() -> None:
    torch.manual_seed(0)
    excite = Excitation(ConvFactory(Dsc(), "generator"), 6, 4)
    small_map, large = torch.randn(3, 6, 8, 8), torch.randn(3, 4, 32, 32)
    excite.eval()
    _, wide, _, narrow, _ = excite.gate
    pooled = F.avg_pool2d(small_map, 2)
    scale = narrow(F.silu(wide(pooled))).sigmoid()
    assert scale.shape == (3, 4, 1, 1)
    torch.testing.assert_close(excite(small_map, large), large * scale)


def test_noise_is_one_map_for_all_channels_and_starts_at_nothing() -> None:
    noise = Noise()
    x = torch.randn(3, 4, 8, 8)
    assert torch.equal(noise(x), x)
    with torch.no_grad():
        noise.strength.fill_(2.0)
        added = noise(x) - x
    torch.testing.assert_close(added, added[:, :1].expand_as(added), rtol=0, atol=1e-5)
    assert added.std().item() == pytest.approx(2, rel=0.25)
    assert not torch.equal(noise(x), noise(x))


@pytest.mark.parametrize(("size", "count"), [("big", 4), ("lite", 0)])
def test_lite_blocks_have_one_convolution_and_no_noise(size, count) -> None:
    network = small(size)
    assert sum(isinstance(layer, Noise) for layer in network.modules()) == count
    norms = sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    assert norms == (5 if size == "big" else 3)
