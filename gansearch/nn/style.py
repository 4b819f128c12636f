"""What style-based generators are made of (StyleGAN2, StyleGAN3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from gansearch.nn.alias_free import Band
from gansearch.nn.conv import SeparableConv
from gansearch.nn.equalised import ScaledLeakyReLU, equalise
from gansearch.nn.spectral import UnitFilters, draw_weight

EPSILON = 1e-8


class Mapping(nn.Module):
    """Latents to styles: fully connected layers over a normalised latent.

    Args:
        z_dim: length of a latent.
        w_dim: length of a style and of every layer in between.
        layers: at least 1.
        lr_multiplier: of the layers' learning rate; StyleGAN's is 0.01.
    """

    def __init__(self, z_dim: int, w_dim: int, layers: int = 2, lr_multiplier: float = 0.01):
        super().__init__()
        parts: list[nn.Module] = []
        for index in range(layers):
            parts += [nn.Linear(w_dim if index else z_dim, w_dim), ScaledLeakyReLU()]
        self.layers = equalise(nn.Sequential(*parts), lr_multiplier)

    def forward(self, z: Tensor) -> Tensor:
        """``[N, z_dim]`` → ``[N, w_dim]``."""
        styles: Tensor = self.layers(z * (z.square().mean(1, keepdim=True) + EPSILON).rsqrt())
        return styles


class ModulatedConv(nn.Module):
    """A convolution whose input channels an affine function of the style scales.

    Demodulation divides by the norm that each output channel's scaled weights have (Karras et al.
    2020, Analyzing and Improving the Image Quality of StyleGAN, section 2.2), and a running mean of
    the input's square sees to its magnitude (Karras et al. 2021, section 3.1), so that the output
    has unit variance without a look at the output itself. Scaling what goes in and what comes out
    is the same as scaling weights, and leaves one convolution for the whole batch.

    Of a separable convolution the pointwise half is modulated and demodulated. The depthwise half
    is shared by all styles; its filters have norm 1, which makes the pointwise weights' norm that
    of the kernel that both compose.

    The running mean moves in training mode, when gradients are off: with the fakes of the
    discriminator's steps, as in the released code.

    Args:
        conv: of stride 1 and without bias, from the factory; drawn anew.
        w_dim: length of a style.
        demodulate: whether the output's variance is normalised; not so where it makes an image.
        magnitude_decay: of the running mean.

    Attributes:
        magnitude: the running mean of the input's square, a scalar.
    """

    magnitude: Tensor

    def __init__(
        self,
        conv: nn.Conv2d | SeparableConv,
        w_dim: int,
        *,
        demodulate: bool = True,
        magnitude_decay: float = 0.999,
    ) -> None:
        super().__init__()
        if isinstance(conv, SeparableConv):
            draw_weight(conv.depthwise, nn.init.normal_)
            parametrize.register_parametrization(conv.depthwise, "weight", UnitFilters())
        self.conv = equalise(conv)
        self.affine = equalise(nn.Linear(w_dim, self._mixing.in_channels))
        nn.init.ones_(self.affine.bias)
        self.demodulate = demodulate
        self.magnitude_decay = magnitude_decay
        self.register_buffer("magnitude", torch.ones(()))

    @property
    def _mixing(self) -> nn.Conv2d:
        """The part that mixes channels."""
        return self.conv.pointwise if isinstance(self.conv, SeparableConv) else self.conv

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """``[N, cin, H, W]`` and styles ``[N, w_dim]`` → ``[N, cout, H', W']``."""
        if self.training and not torch.is_grad_enabled():
            square = x.detach().float().square().mean()
            self.magnitude.lerp_(square, 1 - self.magnitude_decay)
        parts = self.conv if isinstance(self.conv, SeparableConv) else (self.conv,)
        for part in parts:
            x = self._modulated(x, self.affine(w)) if part is self._mixing else part(x)
        return x

    def _modulated(self, x: Tensor, scales: Tensor) -> Tensor:
        weight = self._mixing.weight
        after = self.magnitude.rsqrt()
        if self.demodulate:
            norms = scales.square() @ weight.square().sum((2, 3)).T  # [N, cout], squared
            after = after * (norms + EPSILON).rsqrt()[..., None, None]
        x = F.conv2d(x * scales[..., None, None], weight, padding=self._mixing.padding)
        return x * after


class FourierFeatures(nn.Module):
    """Waves over the plane, translated and rotated as the style says (paper 3.1, 3.2).

    The frequencies lie uniformly in the disc that the band's cutoff bounds, the phases anywhere;
    both are drawn once. A learned 1x1 convolution mixes the waves.

    Args:
        w_dim: length of a style.
        channels: waves, and channels of the output.
        size: height and width of the output.
        band: of the output.
    """

    frequencies: Tensor
    phases: Tensor
    places: Tensor

    def __init__(self, w_dim: int, channels: int, size: int, band: Band) -> None:
        super().__init__()
        radius = band.cutoff * torch.rand(channels).sqrt()
        angle = 2 * math.pi * torch.rand(channels)
        frequencies = torch.stack([radius * angle.cos(), radius * angle.sin()], 1)
        self.register_buffer("frequencies", frequencies)  # [channels, (x, y)]
        self.register_buffer("phases", torch.rand(channels))
        places = (torch.arange(size) - (size - 1) / 2) / band.rate
        self.register_buffer("places", places, persistent=False)
        self.affine = equalise(nn.Linear(w_dim, 4))
        draw_weight(self.affine, nn.init.zeros_)
        with torch.no_grad():
            self.affine.bias[0] = 1  # the identity, whatever the style
        self.mixing = equalise(nn.Conv2d(channels, channels, 1, bias=False))

    def forward(self, w: Tensor) -> Tensor:
        """``[N, w_dim]`` → ``[N, channels, size, size]``."""
        cosine, sine, right, down = self._transform(w)
        fx, fy = self.frequencies.T
        # A wave at the rotated place is the wave with the frequency rotated back.
        across = (fx * cosine + fy * sine)[..., None]  # [N, channels, 1]
        along = (fy * cosine - fx * sine)[..., None]
        cycles = (
            (across * (self.places - right[..., None]))[:, :, None, :]
            + (along * (self.places - down[..., None]))[:, :, :, None]
            + self.phases[:, None, None]
        )
        features: Tensor = self.mixing(torch.sin(2 * math.pi * cycles))
        return features

    def _transform(self, w: Tensor) -> tuple[Tensor, ...]:
        """Cosine and sine of the rotation, and the translation, each ``[N, 1]``."""
        transform = self.affine(w)
        scaled = transform / transform[:, :2].norm(dim=1, keepdim=True)
        return tuple(scaled.split(1, dim=1))
