"""Fused convolutions against the two operations that they replace."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gansearch.nn.conv import ConvFactory
from gansearch.nn.resample import Averaged, Upsampled
from gansearch.settings import Dsc

STEPS = {
    Upsampled: lambda conv, x: conv(F.interpolate(x, scale_factor=2)),
    Averaged: lambda conv, x: F.avg_pool2d(conv(x), 2),
}
kinds = pytest.mark.parametrize("kind", STEPS)


def conv(kernel_size: int, dsc: Dsc | None = None, *, spectral_norm: bool = False) -> nn.Module:
    torch.manual_seed(0)
    factory = ConvFactory(dsc or Dsc(), "generator")
    layer = factory(6, 10, kernel_size, resolution=8, spectral_norm=spectral_norm)
    return layer.double().eval()


def gradients(kind, layer: nn.Module, x: torch.Tensor, *, folded: bool) -> list[torch.Tensor]:
    x = x.clone().requires_grad_()
    y = kind(layer)(x) if folded else STEPS[kind](layer, x)
    total = (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).sum()
    return [y, *torch.autograd.grad(total, [x, *layer.parameters()])]


@kinds
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("spectral_norm", [False, True])
def test_values_and_gradients_are_those_of_the_two_steps(kind, kernel_size, spectral_norm) -> None:
    layer = conv(kernel_size, spectral_norm=spectral_norm)
    x = torch.randn(3, 6, 8, 8, dtype=torch.float64)
    for ours, theirs in zip(
        gradients(kind, layer, x, folded=True),
        gradients(kind, layer, x, folded=False),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


@kinds
def test_a_separable_convolution_keeps_its_two_steps(kind) -> None:
    layer = conv(3, Dsc(where="both"))
    x = torch.randn(3, 6, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(kind(layer)(x), STEPS[kind](layer, x))


@kinds
@pytest.mark.parametrize(("kernel_size", "share"), [(3, 4 / 9), (5, 9 / 25), (1, 1 / 4)])
def test_fused_convolutions_take_fewer_operations(kind, kernel_size, share) -> None:
    layer = conv(kernel_size)
    counts = []
    for run in (kind(layer), lambda x: STEPS[kind](layer, x)):
        with FlopCounterMode(display=False) as counter:
            run(torch.randn(1, 6, 8, 8, dtype=torch.float64))
        counts.append(counter.get_total_flops())
    assert counts[0] / counts[1] == pytest.approx(share)


@kinds
def test_memory_may_lie_channels_last(kind) -> None:
    layer = conv(3)
    x = torch.randn(3, 6, 8, 8, dtype=torch.float64)
    expected = kind(layer)(x)
    last = layer.to(memory_format=torch.channels_last)
    torch.testing.assert_close(kind(last)(x.to(memory_format=torch.channels_last)), expected)
