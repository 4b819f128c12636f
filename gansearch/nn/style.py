"""Building blocks of style-based generators (StyleGAN2, StyleGAN3)."""

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
    """Maps latents to styles with fully connected layers; the latents are normalised first.

    Args:
        z_dim: length of a latent.
        w_dim: length of a style and of every hidden layer.
        layers: number of layers, at least 1.
        lr_multiplier: learning rate of the layers relative to the optimiser's; 0.01 in StyleGAN.
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
    """A convolution whose input channels are scaled by an affine function of the style.

    Demodulation divides each output channel by the norm of its scaled weights (Karras et al. 2020,
    Analyzing and Improving the Image Quality of StyleGAN, section 2.2). A running mean of the
    squared input normalises the input's magnitude (Karras et al. 2021, section 3.1). Both give the
    output unit variance without statistics of the output. Scaling inputs and outputs is equivalent
    to scaling weights and needs a single convolution for the whole batch.

    In a separable convolution the pointwise half is modulated and demodulated. All styles share the
    depthwise half. Its filters have norm 1, so the norm of the pointwise weights equals that of the
    composed kernel.

    The running mean is updated in training mode without gradients, that is, with the fakes of the
    discriminator's steps, as in the released code.

    Args:
        conv: convolution of stride 1 without bias, from the factory; its weights are redrawn.
        w_dim: length of a style.
        demodulate: whether the output's variance is normalised; false for the image layer.
        magnitude_decay: decay of the running mean per update.

    Attributes:
        magnitude: running mean of the squared input, a scalar.
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
    """Sine waves over the plane, translated and rotated by the style.

    Source: Karras et al. 2021, sections 3.1 and 3.2. Frequencies are drawn once, uniformly in the
    disc whose radius is the band's cutoff. Phases are drawn once, uniformly. A learnt 1x1
    convolution mixes the waves.

    Args:
        w_dim: length of a style.
        channels: number of waves and of output channels.
        size: height and width of the output.
        band: frequency band of the output.
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
            self.affine.bias[0] = 1  # initially the identity for every style
        self.mixing = equalise(nn.Conv2d(channels, channels, 1, bias=False))

    def forward(self, w: Tensor) -> Tensor:
        """``[N, w_dim]`` → ``[N, channels, size, size]``."""
        cosine, sine, right, down = self._transform(w)
        fx, fy = self.frequencies.T
        # Rotating the position is equivalent to rotating the frequency back.
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
