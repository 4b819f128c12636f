"""Modulation, mapping and Fourier features in closed form."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional as F

from gansearch.nn.alias_free import Band
from gansearch.nn.conv import ConvFactory, SeparableConv
from gansearch.nn.style import FourierFeatures, Mapping, ModulatedConv
from gansearch.settings import Dsc

SEPARABLE = [
    {"order": order, "depth_multiplier": m}
    for order in ("depthwise_first", "pointwise_first")
    for m in (1, 2)
]


def modulated(cin: int = 16, cout: int = 12, kernel_size: int = 3, **settings) -> ModulatedConv:
    torch.manual_seed(0)
    dsc = settings.pop("dsc", {})
    factory = ConvFactory(Dsc(where="both", **dsc) if dsc else Dsc(), "generator")
    conv = factory(cin, cout, kernel_size, resolution=16, padding=kernel_size - 1, bias=False)
    return ModulatedConv(conv, w_dim=8, **settings).eval()


def styled(layer: ModulatedConv, size: int = 4) -> Tensor:
    """Styles that scale the channels very differently."""
    nn.init.normal_(layer.affine.bias, 0, 3)
    return torch.randn(size, 8)


# --- Modulated convolution -----------------------------------------------------------------------


def test_equals_modulated_weights_image_by_image() -> None:
    layer = modulated()
    w = styled(layer)
    layer.magnitude.fill_(2.5)
    x = torch.randn(4, 16, 6, 6)
    with torch.no_grad():
        out, scales = layer(x, w), layer.affine(w)
        for i in range(4):
            weight = layer.conv.weight * scales[i][None, :, None, None]
            weight /= weight.square().sum((1, 2, 3), keepdim=True).sqrt()
            expected = F.conv2d(x[i : i + 1] / math.sqrt(2.5), weight, padding=2)
            assert torch.allclose(out[i : i + 1], expected, atol=1e-5)


def kernels(layer: ModulatedConv, w: Tensor, cin: int = 16) -> Tensor:
    """The dense kernels ``[N, cout, cin, k, k]`` that the layer applies to each image."""
    impulses = torch.zeros(cin, cin, 9, 9)
    impulses[range(cin), range(cin), 4, 4] = 1
    with torch.no_grad():
        return torch.stack([layer(impulses, s.expand(cin, -1)).transpose(0, 1) for s in w])


@pytest.mark.parametrize("dsc", [{}, *SEPARABLE])
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_demodulated_kernels_have_norm_1_whatever_the_style(dsc, kernel_size) -> None:
    layer = modulated(dsc=dsc, kernel_size=kernel_size)
    assert isinstance(layer.conv, SeparableConv) is (bool(dsc) and kernel_size == 3)
    w = styled(layer)
    norms = kernels(layer, w).square().sum((2, 3, 4))
    # Two filters of one channel are nearly, not exactly, orthogonal.
    exact = dsc.get("depth_multiplier") != 2 or dsc.get("order") == "pointwise_first"
    assert norms.numpy() == pytest.approx(1, abs=1e-4 if exact or kernel_size == 1 else 0.6)
    assert norms.mean().item() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("dsc", [{}, *SEPARABLE])
def test_white_noise_comes_out_with_unit_variance(dsc) -> None:
    layer = modulated(cin=32, cout=32, dsc=dsc)
    w = styled(layer)
    with torch.no_grad():
        out = layer(torch.randn(4, 32, 64, 64), w)[..., 3:-3, 3:-3]
    assert out.var((1, 2, 3)).numpy() == pytest.approx(1, rel=0.1)


def test_without_demodulation_the_style_sets_the_scale() -> None:
    layer = modulated(demodulate=False)
    x, w = torch.randn(2, 16, 6, 6), torch.randn(2, 8)
    with torch.no_grad():
        out = layer(x, w)
        layer.affine.bias.mul_(3)
        layer.affine.parametrizations.weight.original.mul_(3)
        assert torch.allclose(layer(x, w), 3 * out, atol=1e-5)


def test_separable_shares_the_depthwise_half_and_modulates_the_pointwise() -> None:
    layer = modulated(dsc=SEPARABLE[0])
    assert layer.affine.out_features == layer.conv.pointwise.in_channels == 16
    filters = layer.conv.depthwise.weight
    assert filters.square().sum((1, 2, 3)).detach().numpy() == pytest.approx(1, abs=1e-5)
    composed = kernels(layer, styled(layer))
    directions = F.normalize(composed.flatten(3), dim=3)  # each output's filter of each input
    same = (directions * directions[:1, :1]).sum(3).abs()
    assert same.numpy() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("dsc", [{}, SEPARABLE[0]])
def test_running_mean_takes_out_the_inputs_magnitude(dsc) -> None:
    layer = modulated(dsc=dsc, magnitude_decay=0.5).train()
    x, w = torch.randn(4, 16, 16, 16), torch.randn(4, 8)
    expected = layer(x, w)
    with torch.no_grad():
        for _ in range(30):
            layer(7 * x, w)
    assert layer.magnitude.item() == pytest.approx(49 * x.square().mean().item(), rel=1e-4)
    scaled = layer(7 * x, w)
    assert torch.allclose(scaled, expected / x.square().mean().sqrt(), atol=1e-4)


def test_running_mean_moves_in_training_without_gradients_alone() -> None:
    layer = modulated(magnitude_decay=0.9)
    x, w = 3 * torch.ones(1, 16, 4, 4), torch.randn(1, 8)
    with torch.no_grad():
        layer(x, w)  # evaluating
    layer.train()
    layer(x, w)  # a step of the generator's own
    assert layer.magnitude == 1
    with torch.no_grad():
        layer(x, w)  # fakes for the discriminator
    assert layer.magnitude.item() == pytest.approx(0.9 + 0.1 * 9)


# --- Mapping -------------------------------------------------------------------------------------


def test_the_mapping_depends_on_the_latents_direction_alone() -> None:
    mapping = Mapping(16, 8)
    z = torch.randn(5, 16)
    assert torch.allclose(mapping(z), mapping(3 * z), atol=1e-5)
    assert [tuple(p.shape) for p in mapping.parameters()] == [(8, 16), (8,), (8, 8), (8,)]


def test_mapping_keeps_the_magnitude_and_learns_a_hundred_times_slower() -> None:
    torch.manual_seed(0)
    mapping = Mapping(256, 256)
    assert mapping(torch.randn(64, 256)).square().mean().item() == pytest.approx(1, rel=0.2)
    weight = mapping.layers[0].parametrizations.weight.original
    assert weight.std().item() == pytest.approx(100, rel=0.02)


# --- Fourier features ----------------------------------------------------------------------------


def features(channels: int = 24, size: int = 12) -> FourierFeatures:
    torch.manual_seed(0)
    return FourierFeatures(8, channels, size, Band(rate=16, cutoff=2, half_width=6)).double()


def transform(layer: FourierFeatures, *values: float) -> Tensor:
    """The features when the affine layer gives ``values``, the same for every style."""
    with torch.no_grad():
        layer.affine.bias.copy_(torch.tensor(values, dtype=torch.float64))
        return layer(torch.randn(1, 8, dtype=torch.float64))


def waves_at(layer: FourierFeatures, x: Tensor, y: Tensor) -> Tensor:
    fx, fy = (f[:, None, None] for f in layer.frequencies.T)
    cycles = fx * x + fy * y + layer.phases[:, None, None]
    with torch.no_grad():
        return layer.mixing(torch.sin(2 * math.pi * cycles)[None])


def test_frequencies_are_uniform_in_the_disc() -> None:
    layer = features(channels=4000)
    squared = (layer.frequencies.square().sum(1) / 4).numpy()
    assert squared.max() <= 1
    assert stats.kstest(squared, "uniform").pvalue > 0.01
    angles = np.arctan2(*layer.frequencies.numpy().T) / (2 * np.pi) + 0.5
    assert stats.kstest(angles, "uniform").pvalue > 0.01
    assert stats.kstest(layer.phases.numpy(), "uniform").pvalue > 0.01


def test_fourier_features_start_untransformed_for_every_style() -> None:
    layer = features()
    place = (torch.arange(12) - 5.5) / 16
    expected = waves_at(layer, place[None, :], place[:, None])
    with torch.no_grad():
        out = layer(torch.randn(3, 8, dtype=torch.float64))
    assert torch.allclose(out, expected.expand(3, -1, -1, -1))


def test_translates_and_rotates_as_the_style_says() -> None:
    layer = features()
    place = (torch.arange(12, dtype=torch.float64) - 5.5) / 16
    x, y = place[None, :], place[:, None]
    # A translation by (tx, ty) shows at a place what was at that place less (tx, ty).
    out = transform(layer, 1, 0, 0.3, -0.2)
    assert torch.allclose(out, waves_at(layer, x - 0.3, y + 0.2))
    # A rotation shows what was where the rotation back leads; the scale of the four is no matter.
    c, s = math.cos(0.5), math.sin(0.5)
    tx, ty = 0.1, 0.05
    out = transform(layer, 2 * c, 2 * s, 2 * tx, 2 * ty)
    moved_x, moved_y = x - tx, y - ty
    expected = waves_at(layer, c * moved_x - s * moved_y, s * moved_x + c * moved_y)
    assert torch.allclose(out, expected)


def test_features_have_the_magnitude_of_waves() -> None:
    layer = features(channels=512, size=32)
    with torch.no_grad():
        square = layer(torch.randn(1, 8, dtype=torch.float64)).square().mean()
    assert square.item() == pytest.approx(0.5, rel=0.1)
