"""The convolution factory against closed forms."""

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from gansearch.errors import ConfigError
from gansearch.nn.conv import ConvFactory, SeparableConv
from gansearch.nn.init import normal_
from gansearch.nn.spectral import spectral_norm
from gansearch.settings import Dsc

DENSE = ConvFactory(Dsc(), "generator")
ORDERS = ["depthwise_first", "pointwise_first"]


def separable(**dsc: object) -> ConvFactory:
    return ConvFactory(Dsc(where="both", **dsc), "generator")


def weights(layer: nn.Module) -> int:
    return sum(p.numel() for p in layer.parameters())


def macs(layer: nn.Module, x: Tensor) -> float:
    with FlopCounterMode(display=False) as counter:
        layer(x)
    return counter.get_total_flops() / 2


def composed(layer: nn.Module, cin: int, size: int = 9) -> Tensor:
    """The dense kernel ``[cout, cin, k, k]`` that a convolution without bias applies."""
    impulses = torch.zeros(cin, cin, size, size)
    impulses[range(cin), range(cin), size // 2, size // 2] = 1
    with torch.no_grad():
        return layer(impulses).transpose(0, 1)


def gain(layer: nn.Module, cin: int) -> float:
    """Standard deviation of the output over that of white noise, away from the padding."""
    with torch.no_grad():
        return float(layer(torch.randn(16, cin, 16, 16))[:, :, 4:-4, 4:-4].std())


# --- Where a convolution is separable ------------------------------------------------------------


@pytest.mark.parametrize(
    ("dsc", "network", "resolution", "expected"),
    [
        (Dsc(), "generator", 16, False),
        (Dsc(where="generator"), "generator", 16, True),
        (Dsc(where="generator"), "discriminator", 16, False),
        (Dsc(where="discriminator"), "discriminator", 16, True),
        (Dsc(where="both"), "discriminator", 16, True),
        (Dsc(where="both", resolutions="low"), "generator", 32, True),
        (Dsc(where="both", resolutions="low"), "generator", 64, False),
        (Dsc(where="both", resolutions="high"), "generator", 64, True),
        (Dsc(where="both", resolutions="8-16"), "generator", 32, False),
    ],
)
def test_separable_where_the_setting_says(dsc, network, resolution, expected) -> None:
    layer = ConvFactory(dsc, network)(16, 16, 3, resolution=resolution)
    assert isinstance(layer, SeparableConv) is expected


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("multiplier", [1, 2])
def test_pointwise_kernels_stay_dense(order: str, multiplier: int) -> None:
    conv = separable(order=order, depth_multiplier=multiplier)
    assert isinstance(conv(64, 64, 1, resolution=16), nn.Conv2d)
    assert isinstance(conv.transposed(64, 64, 1, resolution=16), nn.ConvTranspose2d)


def test_convolutions_that_would_filter_an_image_stay_dense() -> None:
    assert isinstance(separable()(3, 64, 3, resolution=16), nn.Conv2d)
    assert isinstance(separable()(64, 3, 3, resolution=16), SeparableConv)
    outputs_filtered = separable(order="pointwise_first")
    assert isinstance(outputs_filtered(3, 64, 3, resolution=16), SeparableConv)
    assert isinstance(outputs_filtered(64, 3, 3, resolution=16), nn.Conv2d)


def test_separable_only_where_it_has_fewer_weights() -> None:
    assert isinstance(separable()(64, 1, 4, resolution=4, padding=0), nn.Conv2d)


def test_kernel_size_replaces_three_only() -> None:
    conv = separable(kernel_size=5)
    assert conv(16, 16, 3, resolution=8).depthwise.kernel_size == (5, 5)
    assert conv(16, 16, 4, resolution=8, stride=2).depthwise.kernel_size == (4, 4)


def test_multiplier_that_does_not_divide_is_refused() -> None:
    conv = separable(order="pointwise_first", depth_multiplier=2)
    with pytest.raises(ConfigError, match=r"dsc\.depth_multiplier: 2 .* not 15"):
        conv(16, 15, 3, resolution=8)


# --- What it computes ----------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    cin=st.integers(4, 12),
    cout=st.sampled_from([4, 6, 10]),
    kernel=st.sampled_from([3, 4, 5]),
    stride=st.sampled_from([1, 2]),
    transposed=st.booleans(),
    dsc=st.builds(
        Dsc,
        where=st.just("both"),
        kernel_size=st.sampled_from([3, 5]),
        depth_multiplier=st.sampled_from([1, 2]),
        order=st.sampled_from(ORDERS),
        middle=st.sampled_from(["none", "norm_act"]),
    ),
    bias=st.booleans(),
    normed=st.booleans(),
)
def test_shape_and_weights_whatever_the_setting(
    cin, cout, kernel, stride, transposed, dsc, bias, normed
) -> None:
    def build(factory: ConvFactory) -> nn.Module:
        make = factory.transposed if transposed else factory
        return make(cin, cout, kernel, resolution=8, stride=stride, bias=bias, spectral_norm=normed)

    assume(not (transposed and stride == 1 and kernel == 4))  # no padding keeps the size
    x = torch.randn(2, cin, 8, 8)
    dense, layer = build(DENSE), build(ConvFactory(dsc, "generator"))
    y = layer(x)
    assert y.shape == dense(x).shape
    assert y.isfinite().all()
    if transposed:
        assert y.shape[-1] == 8 * stride
    if dsc.middle == "none":
        assert weights(layer) <= weights(dense)
    y.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("m", [1, 2])
@pytest.mark.parametrize(("k", "stride"), [(3, 1), (3, 2), (4, 2)])
@pytest.mark.parametrize("transposed", [False, True])
def test_parameters_and_macs_in_closed_form(order, m, k, stride, transposed) -> None:
    cin, cout, size = 12, 20, 8
    out = size * stride if transposed else size // stride
    near = size if transposed else out  # side of the grid that the kernel is applied over
    x = torch.randn(1, cin, size, size)

    def build(factory: ConvFactory) -> nn.Module:
        make = factory.transposed if transposed else factory
        return make(cin, cout, k, resolution=16, stride=stride)

    dense, layer = build(DENSE), build(separable(order=order, depth_multiplier=m))
    assert weights(dense) == cin * cout * k**2 + cout
    assert macs(dense, x) == near**2 * cin * cout * k**2
    if order == "depthwise_first":
        assert weights(layer) == cin * m * k**2 + cin * m * cout + cout
        assert macs(layer, x) == near**2 * cin * m * k**2 + out**2 * cin * m * cout
    else:
        assert weights(layer) == cin * cout // m + cout * k**2 + cout
        assert macs(layer, x) == size**2 * cin * cout // m + near**2 * cout * k**2


@pytest.mark.parametrize("order", ORDERS)
def test_the_two_halves_are_in_the_order_of_the_setting(order: str) -> None:
    layer = separable(order=order, middle="norm_act")(8, 12, 3, resolution=8)
    first, last = order.removesuffix("_first"), {"depthwise", "pointwise"}
    last.remove(first)
    assert [name for name, _ in layer.named_children()] == [first, "norm", "act", *last]
    assert layer[0].bias is None
    assert layer[-1].bias is not None
    assert layer.norm.num_features == layer[0].out_channels


def test_separable_equals_the_product_of_its_halves() -> None:
    layer = separable()(6, 10, 3, resolution=8, bias=False)
    product = torch.einsum(
        "oc,cij->ocij", layer.pointwise.weight[:, :, 0, 0], layer.depthwise.weight[:, 0]
    )
    x = torch.randn(2, 6, 8, 8)
    torch.testing.assert_close(
        layer(x), nn.functional.conv2d(x, product, padding=1), rtol=1e-4, atol=1e-5
    )


# --- Initialisation ------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [32, 128, 512])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("m", [1, 2])
def test_gain_at_initialisation_is_the_dense_ones(channels, order, m) -> None:
    torch.manual_seed(0)
    layer = separable(order=order, depth_multiplier=m)(channels, channels, 3, resolution=8)
    assert gain(layer, channels) == pytest.approx(1 / math.sqrt(3), rel=0.15)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("m", [1, 2])
@pytest.mark.parametrize("transposed", [False, True])
def test_normal_init_composes_a_kernel_of_the_asked_deviation(order, m, transposed) -> None:
    torch.manual_seed(0)
    conv = separable(order=order, depth_multiplier=m)
    layer = (conv.transposed if transposed else conv)(64, 128, 3, resolution=8)
    normal_(layer, 0.02)
    assert torch.equal(layer[-1].bias, torch.zeros(128))
    kernel = composed(layer, 64)
    taps = kernel[kernel.abs() > 0]
    assert float(taps.square().mean().sqrt()) == pytest.approx(0.02, rel=0.1)
    assert taps.numel() == 128 * 64 * 9


# --- Spectral norm -------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("transposed", [False, True])
def test_spectral_norm_of_the_composed_kernel_is_one(order, transposed) -> None:
    torch.manual_seed(0)
    conv = separable(order=order)
    layer = (conv.transposed if transposed else conv)(
        24, 32, 3, resolution=8, bias=False, spectral_norm=True
    )
    with torch.no_grad():
        for parameter in layer.parameters():  # whatever the scale that training brings them to
            parameter.mul_(7)
    for _ in range(100):
        layer(torch.randn(1, 24, 4, 4))
    norm = float(torch.linalg.matrix_norm(composed(layer, 24).flatten(1), 2))
    if order == "depthwise_first":
        assert norm == pytest.approx(1, abs=1e-2)
    else:  # at most: the filters of the output's channels differ
        assert 0.4 < norm <= 1.01


def test_gain_under_spectral_norm_does_not_fall_with_the_channels() -> None:
    torch.manual_seed(0)
    gains = {
        c: gain(separable()(c, c, 3, resolution=8, spectral_norm=True), c) for c in (32, 128, 512)
    }
    # A square random matrix over its norm has the gain 1/2; a dense 3x3 kernel's is 3/4.
    assert all(g == pytest.approx(0.5, abs=0.1) for g in gains.values()), gains


@pytest.mark.parametrize(("channels", "measured"), [(32, 0.37), (128, 0.22), (512, 0.12)])
def test_torchs_spectral_norm_shrinks_depthwise_weights(channels: int, measured: float) -> None:
    torch.manual_seed(0)

    def depthwise() -> nn.Conv2d:
        return nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)

    theirs = nn.utils.parametrizations.spectral_norm(depthwise())
    assert gain(theirs, channels) == pytest.approx(measured, abs=0.03)
    assert gain(spectral_norm(depthwise()), channels) == pytest.approx(1, abs=0.03)


def test_dense_spectral_norm_is_torchs() -> None:
    torch.manual_seed(0)
    layer = DENSE(16, 16, 3, resolution=8, bias=False, spectral_norm=True)
    for _ in range(100):
        layer(torch.randn(1, 16, 4, 4))
    norm = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)
    assert norm.item() == pytest.approx(1, abs=1e-2)
    linear = spectral_norm(nn.Linear(30, 20))
    for _ in range(100):
        linear(torch.randn(1, 30))
    norm = torch.linalg.matrix_norm(linear.weight.detach(), 2)
    assert norm.item() == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize("factory", [DENSE, separable()])
def test_initialising_under_spectral_norm_takes_effect_and_keeps_the_norm(factory) -> None:
    torch.manual_seed(0)
    layer = factory(32, 32, 3, resolution=8, spectral_norm=True, bias=False)
    before = gain(layer, 32)
    old = [p.clone() for p in layer.parameters()]
    layer.eval()
    normal_(layer, 0.5)
    assert not layer.training
    assert not any(torch.equal(a, b) for a, b in zip(old, layer.parameters(), strict=True))
    # With the singular vectors of the old weight the first steps would see a gain of several times.
    assert gain(layer, 32) == pytest.approx(before, rel=0.2)


def test_filters_of_zero_do_not_divide_by_zero() -> None:
    layer = spectral_norm(nn.Conv2d(8, 8, 3, groups=8, bias=False))
    with torch.no_grad():
        layer.parametrizations.weight.original.zero_()
    y = layer(torch.randn(1, 8, 5, 5))
    y.sum().backward()
    assert y.isfinite().all()
    assert layer.parametrizations.weight.original.grad.isfinite().all()
