"""Filters against scipy, and the filtered non-linearity against plain numpy."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d, freqz, kaiser_atten, upfirdn
from torch import Tensor
from torch.nn import functional as F

from gansearch.nn.alias_free import (
    TAPS,
    Band,
    FilteredLeakyReLU,
    filter2d,
    radial_lowpass,
    separable_lowpass,
    upsample2d,
)

# Of layers of the generator at 1024 pixels, from the first to the critically sampled ones.
BANDS = [
    Band(16, 2.0, 6.0),
    Band(32, 8.0, 8.0),
    Band(128, 32.0, 32.0),
    Band(256, 80.6, 47.4),
    Band(1024, 512.0, 118.3),
]


def gain(taps: np.ndarray, frequencies: list[float] | np.ndarray, rate: float) -> np.ndarray:
    return np.abs(freqz(taps, worN=np.asarray(frequencies), fs=rate)[1])


def line(band: Band, factor: int) -> np.ndarray:
    """The separable filter along one axis."""
    return separable_lowpass(band, factor).sum(axis=0)


def decibels(amplitude: np.ndarray) -> np.ndarray:
    return 20 * np.log10(np.maximum(amplitude, 1e-12))


# --- Designs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("band", BANDS, ids=lambda b: f"{b.cutoff:g}")
def test_pass_band_cutoff_and_stop_band(band: Band, factor: int) -> None:
    rate = band.rate * factor
    taps = line(band, factor)
    assert separable_lowpass(band, factor) == pytest.approx(np.outer(taps, taps))
    assert len(taps) == TAPS * factor
    assert taps == pytest.approx(taps[::-1])
    attenuation = kaiser_atten(len(taps), 4 * band.half_width / rate)
    promised = attenuation - 6  # Kaiser's formula holds to a few decibels
    passed = np.linspace(0, max(0, band.cutoff - band.half_width), 50)
    stopped = np.linspace(band.cutoff + band.half_width, rate / 2, 50)
    assert gain(taps, passed, rate) == pytest.approx(1, abs=10 ** (-promised / 20))
    assert decibels(gain(taps, stopped, rate)).max() < -promised
    if band.cutoff > band.half_width:  # the transition is symmetric about the cutoff
        assert gain(taps, [band.cutoff], rate) == pytest.approx(0.5, abs=0.04)


def test_filter_in_closed_form() -> None:
    band, factor = BANDS[3], 2
    n, rate = TAPS * factor, band.rate * factor
    k = np.arange(n) - (n - 1) / 2
    attenuation = 2.285 * (n - 1) * math.pi * (2 * band.half_width) / (rate / 2) + 7.95
    assert 21 < attenuation < 50
    beta = 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    expected = np.sinc(2 * band.cutoff / rate * k) * np.kaiser(n, beta)
    assert line(band, factor) == pytest.approx(expected / expected.sum(), abs=1e-9)


def response(taps: np.ndarray, frequency: float, angle: float, rate: float) -> float:
    """Gain of a two-dimensional filter for a wave that runs at ``angle``."""
    k = np.arange(len(taps)) - (len(taps) - 1) / 2
    x, y = np.meshgrid(k, k)
    along = x * math.cos(angle) + y * math.sin(angle)
    return abs(float((taps * np.cos(2 * math.pi * frequency / rate * along)).sum()))


@pytest.mark.parametrize("band", BANDS[1:4], ids=lambda b: f"{b.cutoff:g}")
def test_radial_filter_is_the_same_in_every_direction(band: Band) -> None:
    rate = 2 * band.rate
    radial, separable = radial_lowpass(band, 2), separable_lowpass(band, 2)
    assert radial.sum() == pytest.approx(1)
    assert radial == pytest.approx(np.rot90(radial))
    spread = {}
    for name, taps in (("radial", radial), ("separable", separable)):
        edge = [response(taps, band.cutoff, a, rate) for a in np.linspace(0, math.pi / 4, 9)]
        spread[name] = max(edge) - min(edge)
    assert spread["radial"] < 0.3 * spread["separable"]
    stopped = [response(radial, band.cutoff + band.half_width, a, rate) for a in (0, 0.4, 0.785)]
    assert max(stopped) < 0.02


# --- Filtering -----------------------------------------------------------------------------------


def test_filter2d_is_a_convolution_of_each_channel() -> None:
    x = torch.randn(2, 3, 9, 8, dtype=torch.float64)
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64).outer(torch.ones(3))
    out = filter2d(x, taps, stride=2, padding=1)
    assert out.shape == (2, 3, 4, 4)
    for image, signal in zip(out.flatten(0, 1), x.flatten(0, 1), strict=True):
        expected = convolve2d(np.pad(signal.numpy(), 1), taps.numpy(), mode="valid")
        np.testing.assert_allclose(image, expected[::2, ::2])


@pytest.mark.parametrize("factor", [2, 4])
def test_upsampling_puts_zeros_between_the_samples(factor: int) -> None:
    x = torch.randn(1, 2, 7, 7, dtype=torch.float64)
    band = Band(16, 4, 4)
    out = upsample2d(x, torch.tensor(factor**2 * separable_lowpass(band, factor)), factor, crop=3)
    taps = factor * line(band, factor)
    for image, signal in zip(out[0], x[0], strict=True):
        expected = upfirdn(taps, upfirdn(taps, signal.numpy(), factor, axis=0), factor, axis=1)
        np.testing.assert_allclose(image, expected[3:-3, 3:-3], atol=1e-12)


# --- The filtered non-linearity ------------------------------------------------------------------

PAIRS = [
    # source, target, sizes of input and output
    (Band(16, 2, 6), Band(16, 3.2, 4.8), 22, 20),
    (Band(16, 3.2, 4.8), Band(32, 5, 11), 22, 36),
    (Band(8, 2, 2), Band(32, 6, 10), 12, 36),
    (Band(16, 4, 4), Band(16, 8, 1.9), 38, 16),
]


def naive(x: np.ndarray, source: Band, target: Band, radial: bool) -> np.ndarray:
    """One channel: all of it, cut at the end to what lies in the middle."""
    rate = 2 * max(source.rate, target.rate)
    up, down = int(rate / source.rate), int(rate / target.rate)
    taps = up * line(source, up)
    fine = upfirdn(taps, upfirdn(taps, x, up, axis=0), up, axis=1)
    fine = np.where(fine > 0, fine, 0.2 * fine) * math.sqrt(2)
    design = radial_lowpass if radial else separable_lowpass
    return convolve2d(fine, design(target, down), mode="valid")


@pytest.mark.parametrize("radial", [False, True])
@pytest.mark.parametrize(("source", "target", "size", "out"), PAIRS)
def test_equals_plain_numpy(source, target, size, out, radial) -> None:
    torch.manual_seed(0)
    layer = FilteredLeakyReLU(source, target, size, out, radial=radial)
    x = torch.randn(2, 3, size, size)
    result = layer(x)
    assert result.shape == (2, 3, out, out)
    for image, signal in zip(result.flatten(0, 1), x.flatten(0, 1), strict=True):
        whole = naive(signal.double().numpy(), source, target, radial)
        start = layer.crop  # the middle, before every layer.down-th sample is taken
        length = (out - 1) * layer.down + 1
        expected = whole[start : start + length : layer.down, start : start + length : layer.down]
        np.testing.assert_allclose(image, expected, atol=2e-5)
        assert start + length + start == len(whole)  # the same centre


@pytest.mark.parametrize("radial", [False, True])
@pytest.mark.parametrize(("source", "target", "size", "out"), PAIRS)
def test_both_maps_have_the_same_centre(source, target, size, out, radial) -> None:
    layer = FilteredLeakyReLU(source, target, size, out, radial=radial)
    x = torch.randn(1, 2, size, size)
    assert torch.allclose(layer(x.flip(2)), layer(x).flip(2), atol=1e-5)
    assert torch.allclose(layer(x.mT), layer(x).mT, atol=1e-5)


def test_positive_constants_are_multiplied_by_the_gain() -> None:
    source, target, size, out = PAIRS[1]
    layer = FilteredLeakyReLU(source, target, size, out)
    middle = (slice(None), slice(None), slice(8, -8), slice(8, -8))
    ones = torch.ones(1, 1, size, size)
    assert layer(ones)[middle].numpy() == pytest.approx(math.sqrt(2), rel=0.02)
    assert layer(-ones)[middle].numpy() == pytest.approx(-0.2 * math.sqrt(2), rel=0.02)


def waves(band: Band, size: int, shift: float) -> Tensor:
    """Waves below the cutoff, moved to the right by ``shift``."""
    generator = torch.Generator().manual_seed(0)
    radius = band.cutoff * torch.rand(64, generator=generator, dtype=torch.float64).sqrt()
    angle = 2 * math.pi * torch.rand(64, generator=generator, dtype=torch.float64)
    place = (torch.arange(size) - (size - 1) / 2) / band.rate
    across = (radius * angle.cos())[:, None, None] * (place - shift)[None, None, :]
    along = (radius * angle.sin())[:, None, None] * place[None, :, None]
    return torch.sin(2 * math.pi * (across + along) + angle[:, None, None])[None].float()


def test_commutes_with_a_shift_by_half_a_sample_and_the_bare_one_does_not() -> None:
    source, target, size, out = Band(16, 4, 4), Band(32, 8, 8), 48, 40
    layer = FilteredLeakyReLU(source, target, size, out)

    def bare(x: Tensor) -> Tensor:
        x = upsample2d(F.leaky_relu(x, 0.2), layer.up_filter, layer.up, layer.crop)
        return filter2d(x, layer.down_filter, stride=layer.down)

    def error(nonlinearity) -> float:
        still, moved = (nonlinearity(waves(source, size, s)) for s in (0.0, 1 / target.rate))
        return float((moved[..., 1:] - still[..., :-1]).std() / still.std())

    assert error(layer) < 0.02
    assert error(bare) > 5 * error(layer)


def test_gradients_twice() -> None:
    layer = FilteredLeakyReLU(Band(8, 2, 2), Band(8, 2, 2), 6, 4).double()
    x = torch.randn(1, 1, 6, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradgradcheck(layer, x)
