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

REPLACED = (3, 5)
"""Dense kernels in whose place the depthwise half has the kernel that is searched."""
IMAGE_CHANNELS = 3
"""Convolutions over up to this many input channels stay dense: a depthwise half would hold only a
handful of filters."""


class SeparableConv(nn.Sequential):
    """A depthwise half that filters each channel and a pointwise half that mixes channels.

    The depthwise half has the dense convolution's stride and padding, the second half its bias.

    Attributes:
        depthwise: one or more filters for each input channel.
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
        """Fan-in and fan-out of the composed dense kernel."""
        cin, cout = (
            (self.depthwise.in_channels, self.pointwise.out_channels)
            if self[0] is self.depthwise
            else (self.pointwise.in_channels, self.depthwise.out_channels)
        )
        taps = self.depthwise.kernel_size[0] ** 2
        return taps * cin, taps * cout

    def draw_weights(self, draw: Callable[[Tensor, float], object], std: float) -> None:
        """Initialise both halves so that the composed dense kernel has standard deviation ``std``.

        This preserves the gain of the dense layer. A depthwise filter has a fan-in of its own k²
        taps: its expected squared norm is 1, and the pointwise half carries the rest.

        Args:
            draw: fills a tensor in place with values of mean 0 and the given standard deviation.
            std: standard deviation of the dense convolution's weight.
        """
        k = self.depthwise.kernel_size[0]
        # With depthwise first, the filters of an input channel add up in the composed kernel.
        adding = self.depthwise.out_channels // self.depthwise.groups
        terms = adding if self[0] is self.depthwise else 1
        draw_weight(self.depthwise, lambda weight: draw(weight, 1 / k))
        draw_weight(self.pointwise, lambda weight: draw(weight, std * k / math.sqrt(terms)))


class ConvFactory:
    """Builds the convolutions of a network, dense or separable by the ``dsc`` settings.

    A convolution is separable if ``dsc`` applies to the network at the resolution. It stays dense
    if its kernel is 1x1, if the separable form would not have fewer weights, or if the depthwise
    half would filter at most :data:`IMAGE_CHANNELS` channels.

    ``dsc.order`` says which side is filtered: the input channels (depthwise first) or the output
    channels (pointwise first). The cheaper order follows from the shape: the depthwise half belongs
    on the narrower side and the pointwise half at the lower resolution. So pointwise first suits
    upsampling and depthwise first downsampling.

    Args:
        dsc: the settings; ``Dsc()`` gives a factory of dense convolutions.
        network: the network whose convolutions are built.
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
        """Build a convolution.

        Args:
            cin: input channels.
            cout: output channels.
            kernel_size: kernel size of the dense convolution.
            resolution: the larger of the input and output resolution, in pixels, so that ``dsc``
                treats an upsampling and the matching downsampling alike.
            stride: factor of downsampling.
            padding: zeros on each side, by default ``(kernel_size - 1) // 2``.
            bias: whether the layer has a bias.
            spectral_norm: whether the weight is spectrally normalised.

        Returns:
            ``[N, cin, H, W]`` → ``[N, cout, H', W']``, of the same size whether separable or not.

        Raises:
            ConfigError: the channels are not divisible by ``dsc.depth_multiplier``.
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
        """Build a transposed convolution; arguments as for a call, with ``stride`` upsampling.

        The default padding makes the output exactly ``stride`` times as large as the input. At
        stride 1 that needs an odd kernel.
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
        k = self.dsc.kernel_size if kernel_size in REPLACED else kernel_size
        dense = cin * cout * kernel_size**2  # weights
        if (
            kernel_size == 1
            or not self.dsc.applies(self.network, resolution)
            or self._filtered(cin, cout) <= IMAGE_CHANNELS
            or self._weights(cin, cout, k) >= dense
        ):
            return spatial(kernel_size)(cin, cout, bias=bias)
        layer = self._separable(spatial(k), cin, cout, bias)
        # torch's default for a dense convolution: uniform with variance 1 / (3 fan-in). For a
        # transposed convolution torch counts the fan-in over the output channels.
        fan_in = k**2 * (cout if isinstance(layer.depthwise, nn.ConvTranspose2d) else cin)
        layer.draw_weights(_uniform, 1 / math.sqrt(3 * fan_in))
        return layer

    def _filtered(self, cin: int, cout: int) -> int:
        """Input channels of the depthwise half."""
        return cin if self.dsc.order == "depthwise_first" else cout // self.dsc.depth_multiplier

    def _weights(self, cin: int, cout: int, k: int) -> int:
        """Number of weights of the separable convolution, without the bias."""
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
                f"dsc.depth_multiplier: {m} with dsc.order pointwise_first needs channels that are "
                f"divisible by {m}, not {cout}"
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
