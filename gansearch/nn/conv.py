"""The factory that every convolution comes from: dense or depthwise-separable (DSC)."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Literal, cast

from torch import Tensor, nn

from gansearch.errors import ConfigError
from gansearch.nn.spectral import draw_weight
from gansearch.nn.spectral import spectral_norm as normalise
from gansearch.settings import Dsc

Network = Literal["generator", "discriminator"]

Conv = nn.Conv2d | nn.ConvTranspose2d

IMAGE_CHANNELS = 3
"""A depthwise half over so few channels is a handful of filters, too few for a whole layer."""


class SeparableConv(nn.Sequential):
    """A depthwise half that filters each channel and a pointwise half that mixes them.

    The depthwise half has the dense convolution's stride and padding, the second half its bias.

    Attributes:
        depthwise: one filter or more for each of its input channels.
        pointwise: a 1x1 convolution.
    """

    depthwise: Conv
    pointwise: nn.Conv2d

    def __init__(self, first: Conv, second: Conv, middle: Literal["none", "norm_act"]) -> None:
        names = ("depthwise", "pointwise") if first.groups > 1 else ("pointwise", "depthwise")
        parts: list[tuple[str, nn.Module]] = list(zip(names, (first, second), strict=True))
        if middle == "norm_act":
            parts[1:1] = [("norm", nn.BatchNorm2d(first.out_channels)), ("act", nn.LeakyReLU(0.2))]
        super().__init__(OrderedDict(parts))

    @property
    def fans(self) -> tuple[int, int]:
        """Fan-in and fan-out of the dense kernel that the halves compose."""
        cin, cout = (
            (self.depthwise.in_channels, self.pointwise.out_channels)
            if self[0] is self.depthwise
            else (self.pointwise.in_channels, self.depthwise.out_channels)
        )
        taps = self.depthwise.kernel_size[0] ** 2
        return taps * cin, taps * cout

    def draw_weights(self, draw: Callable[[Tensor, float], object], std: float) -> None:
        """Initialise both halves such that the dense kernel that they compose has ``std``.

        So the layer's gain is that of the dense one. A depthwise filter's fan-in is its own k² taps
        alone: it has a squared norm of 1 in the mean, and the pointwise half takes the rest.

        Args:
            draw: fills a tensor in place with values of mean 0 and the standard deviation given.
            std: standard deviation that the dense convolution's weight would be drawn with.
        """
        k = self.depthwise.kernel_size[0]
        # Depthwise first, several filters of an input channel add up in the composed kernel.
        adding = self.depthwise.out_channels // self.depthwise.groups
        terms = adding if self[0] is self.depthwise else 1
        draw_weight(self.depthwise, lambda weight: draw(weight, 1 / k))
        draw_weight(self.pointwise, lambda weight: draw(weight, std * k / math.sqrt(terms)))


class ConvFactory:
    """Builds a network's convolutions, each dense or separable as the search says.

    A convolution is separable where ``dsc`` applies to the network at the resolution. It stays
    dense all the same with a 1x1 kernel, where a separable one would not have fewer weights, or
    would filter no more than the 1 to 3 channels of an image.

    ``dsc.order`` is searched, and says which side is filtered: depthwise first the input's
    channels, pointwise first the output's. Which is cheaper follows from the shape: the depthwise
    half belongs on the narrower side, the pointwise one at the smaller resolution, so that
    pointwise first suits steps up and depthwise first steps down.

    Args:
        dsc: the setting; ``Dsc()`` gives a factory of dense convolutions.
        network: the one whose convolutions are built.
    """

    def __init__(self, dsc: Dsc, network: Network) -> None:
        self.dsc = dsc
        self.network: Network = network

    def __call__(
        self,
        cin: int,
        cout: int,
        kernel_size: int,
        *,
        resolution: int,
        stride: int = 1,
        padding: int | None = None,
        bias: bool = True,
        spectral_norm: bool = False,
    ) -> nn.Module:
        """A convolution.

        Args:
            cin: input channels.
            cout: output channels.
            kernel_size: of the dense convolution.
            resolution: in pixels, the larger of the input's and the output's, so that a step up and
                the same step down have the same one.
            stride: by which the size is divided.
            padding: zeros on each side, by default ``(kernel_size - 1) // 2``.
            bias: whether there is one.
            spectral_norm: whether the weight is spectrally normalised.

        Returns:
            ``[N, cin, H, W]`` → ``[N, cout, H', W']``, of the same size whether separable or not.

        Raises:
            ConfigError: the channels do not divide by ``dsc.depth_multiplier``.
        """
        pad = (kernel_size - 1) // 2 if padding is None else padding

        def spatial(k: int) -> Callable[..., Conv]:
            return partial(
                nn.Conv2d, kernel_size=k, stride=stride, padding=pad + (k - kernel_size) // 2
            )

        layer = self._build(spatial, cin, cout, kernel_size, resolution, bias)
        return _normalised(layer) if spectral_norm else layer

    def transposed(
        self,
        cin: int,
        cout: int,
        kernel_size: int,
        *,
        resolution: int,
        stride: int = 1,
        padding: int | None = None,
        bias: bool = True,
        spectral_norm: bool = False,
    ) -> nn.Module:
        """A transposed convolution; the arguments are those of a call, the stride multiplies.

        By default it is padded such that the output is exactly ``stride`` times the input's size,
        which at stride 1 takes an odd kernel.
        """
        surplus = kernel_size - stride
        pad = (surplus + 1) // 2 if padding is None else padding
        output_padding = surplus % 2 if padding is None else 0

        def spatial(k: int) -> Callable[..., Conv]:
            return partial(
                nn.ConvTranspose2d,
                kernel_size=k,
                stride=stride,
                padding=pad + (k - kernel_size) // 2,
                output_padding=output_padding,
            )

        layer = self._build(spatial, cin, cout, kernel_size, resolution, bias)
        return _normalised(layer) if spectral_norm else layer

    def _build(
        self,
        spatial: Callable[[int], Callable[..., Conv]],
        cin: int,
        cout: int,
        kernel_size: int,
        resolution: int,
        bias: bool,
    ) -> Conv | SeparableConv:
        k = self.dsc.kernel_size if kernel_size == 3 else kernel_size
        dense = cin * cout * kernel_size**2  # weights
        if (
            kernel_size == 1
            or not self.dsc.applies(self.network, resolution)
            or self._filtered(cin, cout) <= IMAGE_CHANNELS
            or self._weights(cin, cout, k) >= dense
        ):
            return spatial(kernel_size)(cin, cout, bias=bias)
        layer = self._separable(spatial(k), cin, cout, bias)
        # torch's own for the dense convolution: uniform with the variance 1 / (3 fan-in), where the
        # fan-in of a transposed one is counted over its output's channels.
        fan_in = k**2 * (cout if isinstance(layer.depthwise, nn.ConvTranspose2d) else cin)
        layer.draw_weights(_uniform, 1 / math.sqrt(3 * fan_in))
        return layer

    def _filtered(self, cin: int, cout: int) -> int:
        """Channels that the depthwise half takes."""
        return cin if self.dsc.order == "depthwise_first" else cout // self.dsc.depth_multiplier

    def _weights(self, cin: int, cout: int, k: int) -> int:
        """Of the separable convolution, without the bias."""
        m = self.dsc.depth_multiplier
        if self.dsc.order == "depthwise_first":
            return cin * m * (k**2 + cout)
        return cout * k**2 + cin * (cout // m)

    def _separable(
        self, spatial: Callable[..., Conv], cin: int, cout: int, bias: bool
    ) -> SeparableConv:
        m = self.dsc.depth_multiplier
        filtered = self._filtered(cin, cout)
        if self.dsc.order == "depthwise_first":
            depthwise = spatial(cin, cin * m, groups=cin, bias=False)
            return SeparableConv(depthwise, nn.Conv2d(cin * m, cout, 1, bias=bias), self.dsc.middle)
        if cout % m:
            raise ConfigError(
                f"dsc.depth_multiplier: {m} with dsc.order pointwise_first needs channels that "
                f"divide by {m}, not {cout}"
            )
        depthwise = spatial(filtered, cout, groups=filtered, bias=bias)
        return SeparableConv(nn.Conv2d(cin, filtered, 1, bias=False), depthwise, self.dsc.middle)


def _uniform(weight: Tensor, std: float) -> Tensor:
    bound = math.sqrt(3) * std
    return nn.init.uniform_(weight, -bound, bound)


def _normalised(layer: Conv | SeparableConv) -> nn.Module:
    for half in (layer.depthwise, layer.pointwise) if isinstance(layer, SeparableConv) else [layer]:
        normalise(cast(nn.Module, half))
    return layer
