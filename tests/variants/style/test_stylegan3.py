"""StyleGAN3: its published geometry, and equivariance."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional as F

from gansearch.config import DataConfig, EvaluationConfig, TrainConfig
from gansearch.data.batch import Batch, ImageSpec
from gansearch.nn.alias_free import FilteredLeakyReLU, filter2d, upsample2d
from gansearch.nn.conv import SeparableConv
from gansearch.variants.style.settings import Stylegan3Settings
from gansearch.variants.style.stylegan3 import Stylegan3, bands, signals, widths

SMALL = {"z_dim": 8, "w_dim": 8, "g_layers": 6, "g_channels": 16, "d_channels": 8}


def build(resolution: int = 32, channels: int = 3, **settings) -> Stylegan3:
    torch.manual_seed(0)
    return Stylegan3(Stylegan3Settings(**{**SMALL, **settings}), ImageSpec(channels, resolution))


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


# --- At the paper's size -------------------------------------------------------------------------


@pytest.mark.parametrize(("config", "millions"), [("t", 22.3), ("r", 15.1)])
def test_parameters_at_1024_pixels(config: str, millions: float) -> None:
    with torch.device("meta"):
        variant = Stylegan3(Stylegan3Settings(config=config), ImageSpec(3, 1024))
    assert count(variant.generator) / 1e6 == pytest.approx(millions, rel=0.01)
    assert count(variant.discriminator) / 1e6 == pytest.approx(29.0, rel=0.01)
    assert len(variant.generator.layers) == 14 + 1


def test_a_variant_has_numbers_for_its_images() -> None:
    assert build(32, batch_size=16).settings.r1_gamma == pytest.approx(0.001 * 32**2 / 16)
    config = TrainConfig.from_params(
        {"variant": "stylegan3", "config": "r", "batch_size": 16},
        data=DataConfig(name="photos", resolution=32),
        evaluation=EvaluationConfig(),
        seed=0,
        max_kimg=1,
    )
    assert config.settings == Stylegan3Settings(config="r", batch_size=16).resolved(32)
    assert TrainConfig.from_json(config.to_json()) == config


def test_geometry_at_1024_pixels() -> None:
    found = bands(1024, 14)
    assert len(found) == 15
    assert found[0].cutoff == 2
    assert [b.cutoff for b in found[12:]] == pytest.approx([512] * 3)
    ratios = [b.cutoff / a.cutoff for a, b in pairwise(found[:13])]
    assert ratios == pytest.approx([256 ** (1 / 12)] * 12)
    assert found[12].cutoff + found[12].half_width == pytest.approx(512 * 2**0.3)
    rates = [16] * 2 + [32] * 2 + [64] + [128] * 2 + [256] * 2 + [512] + [1024] * 5
    # The paper's text: each layer's rate is the lowest power of two that holds its stop band.
    for band, stop in zip(
        found, (2**2.1 * (512 * 2**0.3 / 2**2.1) ** min(i / 12, 1) for i in range(15)), strict=True
    ):
        assert band.rate == min(2 ** math.ceil(math.log2(2 * stop)), 1024)
        assert band.half_width == pytest.approx(max(stop, band.rate / 2) - band.cutoff)
    assert [b.rate for b in found] == rates


def test_margins_are_cropped_by_the_last_layer() -> None:
    found = signals(Stylegan3Settings(), ImageSpec(3, 256))
    assert [s.size for s in found[-4:]] == [276, 276, 256, 256]
    assert all(s.size == s.band.rate + 20 for s in found[:-2])
    assert found[-1].channels == 3


def test_channels_follow_the_cutoff_and_double_in_r() -> None:
    t, r = (signals(Stylegan3Settings(config=c), ImageSpec(3, 1024)) for c in "tr")
    assert [s.channels for s in t[-8:]] == [323, 203, 128, 81, 51, 32, 32, 3]
    assert [s.channels for s in r[-8:]] == [645, 406, 256, 161, 102, 64, 64, 3]
    assert widths(Stylegan3Settings(), 1024) == {
        **dict.fromkeys([4, 8, 16, 32, 64], 512),
        128: 256,
        256: 128,
        512: 64,
        1024: 32,
    }


@pytest.mark.parametrize("config", ["t", "r"])
@pytest.mark.parametrize("resolution", [8, 16, 64, 512])
def test_any_power_of_two_is_a_resolution(config: str, resolution: int) -> None:
    with torch.device("meta"):
        variant = build(resolution, config=config)
        images = variant.generator(torch.empty(2, 8))
        assert images.shape == (2, 3, resolution, resolution)
        assert variant.discriminator(images).shape == (2,)


@pytest.mark.parametrize("layers", [3, 4, 14])
@pytest.mark.parametrize("margin", [0, 3])
def test_any_number_of_layers_and_margin(layers: int, margin: int) -> None:
    variant = build(8, g_layers=layers, margin=margin)
    assert variant.generator(torch.randn(2, 8)).shape == (2, 3, 8, 8)


def test_r_has_pointwise_kernels_and_radial_filters_but_for_the_critical_layers() -> None:
    layers = build(config="r").generator.layers
    assert {layer.conv.conv.kernel_size for layer in layers} == {(1, 1)}
    ranks = [
        int(torch.linalg.matrix_rank(layer.then.down_filter, tol=1e-4)) for layer in layers[:-1]
    ]
    assert [rank > 1 for rank in ranks] == [True] * 4 + [False] * 2  # separable: of rank 1


# --- Equivariance --------------------------------------------------------------------------------


def images(variant: Stylegan3, *transform: float) -> Tensor:
    """Images whose Fourier features are rotated and translated: cosine, sine, right, down."""
    generator = variant.generator.eval()
    with torch.no_grad():
        generator.features.affine.bias.copy_(torch.tensor(transform))
        return generator(torch.randn(4, 8, generator=torch.Generator().manual_seed(0)))


def psnr(found: Tensor, expected: Tensor) -> float:
    """Decibels against the images' own spread, as an untrained network's is what it is."""
    return 20 * math.log10(expected.std().item() / (found - expected).square().mean().sqrt().item())


def eq_t(variant: Stylegan3) -> float:
    """By 3 pixels: no whole number of samples in the layers of lower rates."""
    still, moved = images(variant, 1, 0, 0, 0), images(variant, 1, 0, 3 / 32, 0)
    return psnr(moved[..., 3:], still[..., :-3])


def eq_r(variant: Stylegan3) -> float:
    """By a quarter turn."""
    still, turned = images(variant, 1, 0, 0, 0), images(variant, 0, 1, 0, 0)
    return psnr(turned, still.rot90(1, (2, 3)))


def unfiltered(layer: FilteredLeakyReLU, x: Tensor) -> Tensor:
    """The same resampling, with the non-linearity on the bare samples."""
    x = upsample2d(F.leaky_relu(x, 0.2), layer.up_filter, layer.up, layer.crop)
    return filter2d(x, layer.down_filter, stride=layer.down)


@pytest.mark.parametrize("dsc", [{}, {"where": "generator"}])
def test_t_moves_with_its_features_and_not_without_the_filters(dsc, monkeypatch) -> None:
    variant = build(dsc=dsc)
    with_filters = eq_t(variant)
    monkeypatch.setattr(FilteredLeakyReLU, "forward", unfiltered)
    assert with_filters > 60
    assert with_filters > eq_t(variant) + 20


def test_r_turns_with_its_features_and_t_does_not() -> None:
    assert eq_r(build(config="r")) > 90
    assert eq_r(build(config="t")) < 20


def test_r_moves_with_its_features() -> None:
    assert eq_t(build(config="r")) > 60


# --- Separable convolutions ----------------------------------------------------------------------


def test_every_layer_but_the_images_is_separable_where_asked() -> None:
    variant = build(dsc={"where": "generator"})
    kinds = [isinstance(layer.conv.conv, SeparableConv) for layer in variant.generator.layers]
    assert kinds == [True] * 6 + [False]
    variant = build(dsc={"where": "generator", "resolutions": "32-32"})
    rates = [s.band.rate for s in signals(variant.settings, variant.spec)][1:]
    kinds = [isinstance(layer.conv.conv, SeparableConv) for layer in variant.generator.layers]
    assert kinds == [rate == 32 for rate in rates[:-1]] + [False]
    assert 0 < sum(kinds) < 6


def test_no_layers_are_between_the_halves_of_a_separable_convolution() -> None:
    with pytest.raises(ValidationError, match="middle"):
        Stylegan3Settings(dsc={"where": "both", "middle": "norm_act"})


# --- Training ------------------------------------------------------------------------------------


def test_running_means_forget_half_in_20_kimg() -> None:
    variant = build(batch_size=500)
    (decay,) = {layer.conv.magnitude_decay for layer in variant.generator.layers}
    assert decay ** (20_000 / 500) == pytest.approx(0.5)


def test_running_means_move_with_the_discriminators_steps_alone() -> None:
    variant = build(8).train()
    batch = Batch(torch.randn(4, 3, 8, 8))
    means = [layer.conv.magnitude for layer in variant.generator.layers]
    variant.losses("g", batch)
    assert all(mean == 1 for mean in means)
    variant.losses("d", batch)
    assert all(mean != 1 for mean in means)


def test_blur_fades_during_training() -> None:
    variant = build(8, blur_sigma=2, blur_kimg=10)
    player = variant.players["d"]
    optimiser = player.optimiser(player.parameters())
    noise = torch.randn(16, 3, 64, 64)
    seen = {}
    for kimg in (0.0, 5.0, 10.0, 11.0):
        player.schedule(optimiser, kimg)
        seen[kimg] = variant.augment(noise)[..., 8:-8, 8:-8].std().item()
    # White noise under a Gaussian of deviation s falls to 1 / (2 s √π).
    assert seen[0] == pytest.approx(1 / (4 * math.sqrt(math.pi)), rel=0.05)
    assert seen[5] == pytest.approx(1 / (2 * math.sqrt(math.pi)), rel=0.05)
    assert seen[10] == seen[11] == pytest.approx(1, rel=0.05)
    assert torch.equal(variant.augment(noise), noise)


def test_samples_are_clipped_and_training_images_are_not() -> None:
    variant = build(8).eval()
    with torch.no_grad():
        variant.generator.layers[-1].bias.fill_(8)
        batch = Batch(torch.zeros(2, 3, 8, 8))
        assert variant.generate(torch.randn(2, 8), batch).max() > 1
    assert variant.sample(batch, torch.Generator().manual_seed(0)).max() == 1
