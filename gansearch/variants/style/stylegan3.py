"""Karras et al. 2021, Alias-Free Generative Adversarial Networks (StyleGAN3), configs T and R."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gansearch.data.batch import Batch, ImageSpec
from gansearch.nn.alias_free import Band, FilteredLeakyReLU, filter2d
from gansearch.nn.conv import ConvFactory, SeparableConv
from gansearch.nn.optim import OptimiserFactory, adam
from gansearch.nn.style import FourierFeatures, Mapping, ModulatedConv
from gansearch.nn.stylegan2 import SMALLEST, Discriminator
from gansearch.variants.adversarial import AdversarialVariant
from gansearch.variants.base import Player
from gansearch.variants.style.settings import Stylegan3Settings

FIRST_CUTOFF = 2.0
FIRST_STOPBAND = 2**2.1
LAST_STOPBAND = 2**0.3  # relative to the last cutoff
CRITICAL = 2  # critically sampled layers at the end, with the image's Nyquist frequency as cutoff
OUTPUT_SCALE = 0.25
MAGNITUDE_KIMG = 20.0  # half-life of the running means of magnitudes
BLUR_REACH = 3  # standard deviations on each side


@dataclass(frozen=True)
class Signal:
    """Form of a feature map.

    Attributes:
        band: frequency band.
        size: height and width in samples, including margins.
        channels: number of channels.
    """

    band: Band
    size: int
    channels: int


def bands(resolution: int, layers: int) -> list[Band]:
    """Frequency bands of the input and of each layer's output (section 3.2, config T).

    Cutoffs and stopbands rise geometrically up to the critically sampled layers.

    Args:
        resolution: image resolution, in pixels.
        layers: number of layers.

    Returns:
        ``layers + 1`` bands; the last one is also the band of the image.
    """
    last = resolution / 2
    found = []
    for index in range(layers + 1):
        share = min(index / (layers - CRITICAL), 1.0)
        cutoff = FIRST_CUTOFF * (last / FIRST_CUTOFF) ** share
        stopband = FIRST_STOPBAND * (last * LAST_STOPBAND / FIRST_STOPBAND) ** share
        rate = 2.0 ** math.ceil(math.log2(min(2 * stopband, resolution)))
        found.append(Band(rate, cutoff, max(stopband, rate / 2) - cutoff))
    return found


def signals(settings: Stylegan3Settings, spec: ImageSpec) -> list[Signal]:
    """Forms of the Fourier features, of each layer's output, and of the image."""
    wider = 2 if settings.config == "r" else 1
    base, most = wider * settings.channel_base / 2, wider * settings.g_channels
    found = [
        Signal(band, int(band.rate) + 2 * settings.margin, round(min(base / band.cutoff, most)))
        for band in bands(spec.resolution, settings.g_layers)
    ]
    # The last layer crops the margins; the image layer follows it.
    found[-2] = replace(found[-2], size=spec.resolution)
    found[-1] = replace(found[-1], size=spec.resolution, channels=spec.channels)
    return [found[0], *found]


class SynthesisLayer(nn.Module):
    """A modulated convolution, a bias and an activation.

    Args:
        conv: modulated convolution.
        channels: output channels of the convolution.
        then: filtered non-linearity; the identity in the image layer.
    """

    def __init__(self, conv: ModulatedConv, channels: int, then: nn.Module) -> None:
        super().__init__()
        self.conv = conv
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))
        self.then = then

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """A feature map ``[N, cin, H, W]`` and styles ``[N, w_dim]`` → the next feature map."""
        out: Tensor = self.then(self.conv(x, w) + self.bias)
        return out


class Generator(nn.Module):
    """Latents to images: mapping, Fourier features, alias-free layers."""

    def __init__(self, settings: Stylegan3Settings, spec: ImageSpec) -> None:
        super().__init__()
        self.settings = settings
        maps = signals(settings, spec)
        first = maps[0]
        self.mapping = Mapping(settings.z_dim, settings.w_dim)
        self.features = FourierFeatures(settings.w_dim, first.channels, first.size, first.band)
        *pairs, last = pairwise(maps)
        self.layers = nn.ModuleList(
            self._layer(source, target, radial=index < len(pairs) - CRITICAL)
            for index, (source, target) in enumerate(pairs)
        )
        self.layers.append(self._image_layer(*last))

    def _layer(self, source: Signal, target: Signal, *, radial: bool) -> SynthesisLayer:
        rotates = self.settings.config == "r"
        kernel_size = 1 if rotates else 3
        act = FilteredLeakyReLU(
            source.band,
            target.band,
            source.size + kernel_size - 1,
            target.size,
            radial=rotates and radial,
        )
        return SynthesisLayer(self._conv(source, target, kernel_size), target.channels, act)

    def _image_layer(self, source: Signal, target: Signal) -> SynthesisLayer:
        conv = self._conv(source, target, 1, demodulate=False)
        return SynthesisLayer(conv, target.channels, nn.Identity())

    def _conv(
        self, source: Signal, target: Signal, kernel_size: int, *, demodulate: bool = True
    ) -> ModulatedConv:
        """Build a convolution with full padding, which enlarges the map; later filters crop it."""
        settings = self.settings
        conv = ConvFactory(settings.dsc, "generator")(
            source.channels,
            target.channels,
            kernel_size,
            resolution=int(target.band.rate),
            padding=kernel_size - 1,
            bias=False,
        )
        return ModulatedConv(
            cast("nn.Conv2d | SeparableConv", conv),
            settings.w_dim,
            demodulate=demodulate,
            magnitude_decay=0.5 ** (settings.batch_size / (1000 * MAGNITUDE_KIMG)),
        )

    def forward(self, z: Tensor) -> Tensor:
        """``[N, z_dim]`` → unbounded images ``[N, C, H, W]``, about [-1, 1] after training."""
        w = self.mapping(z)
        x: Tensor = self.features(w)
        for layer in self.layers:
            x = layer(x, w)
        return x * OUTPUT_SCALE


def widths(settings: Stylegan3Settings, resolution: int) -> dict[int, int]:
    """The discriminator's channels by resolution, from 4 pixels to the image resolution."""
    steps = (resolution // SMALLEST).bit_length()
    return {
        (r := SMALLEST * 2**step): min(settings.channel_base // r, settings.d_channels)
        for step in range(steps)
    }


class Stylegan3(AdversarialVariant[Stylegan3Settings]):
    """StyleGAN3 at any power-of-two resolution from 8."""

    def __init__(self, settings: Stylegan3Settings, spec: ImageSpec) -> None:
        conv = ConvFactory(settings.dsc, "discriminator")
        discriminator = Discriminator(conv, spec.channels, widths(settings, spec.resolution))
        super().__init__(settings, spec, Generator(settings, spec), discriminator)
        self._sigma = float(self.settings.blur_sigma)

    @property
    def players(self) -> dict[str, Player]:
        """Both players; the schedule of the discriminator's steps fades the blur."""
        players = super().players
        return {**players, "d": replace(players["d"], schedule=self._fade)}

    def _fade(self, _: Optimizer, kimg: float) -> None:
        left = max(1 - kimg / float(self.settings.blur_kimg), 0.0)
        self._sigma = float(self.settings.blur_sigma) * left

    def augment(self, images: Tensor) -> Tensor:
        """Blur images early in the training (appendix F), then augment them."""
        reach = round(BLUR_REACH * self._sigma)
        if reach > 0:
            place = torch.arange(-reach, reach + 1, device=images.device) / self._sigma
            line = torch.softmax(-place.square() / 2, 0)  # a Gaussian with sum 1
            for taps in (line[:, None], line[None, :]):
                images = filter2d(images, taps, padding="same")
        return super().augment(images)

    def optimiser(self, lr: float) -> OptimiserFactory:
        """Adam (appendix F)."""
        return adam(lr, self.settings.beta1, self.settings.beta2)

    def latents(
        self, count: int, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        """Standard normal latents."""
        return torch.randn(count, self.settings.z_dim, device=device, generator=generator)

    def sample(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Sample images, clipped to [-1, 1] because the generator's output is unbounded."""
        return super().sample(batch, generator).clamp(-1, 1)
