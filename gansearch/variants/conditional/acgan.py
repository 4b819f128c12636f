"""Odena et al. 2017, Conditional Image Synthesis with Auxiliary Classifier GANs."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gansearch.data.batch import Batch, ImageSpec
from gansearch.nn.conv import ConvFactory
from gansearch.nn.dcgan import SMALLEST, WEIGHT_STD, widths
from gansearch.nn.init import normal_
from gansearch.nn.norm import ConditionalBatchNorm
from gansearch.variants.adversarial import DiscriminatorOutput
from gansearch.variants.base import Losses
from gansearch.variants.conditional.settings import AcganSettings
from gansearch.variants.labelled import LabelledVariant, classes_of, labels_of

WIDEST = 512  # maximum channels of the discriminator


class Generator(nn.Module):
    """A linear layer, then 5x5 transposed convolutions; the last one outputs the image."""

    def __init__(self, settings: AcganSettings, spec: ImageSpec, classes: int) -> None:
        super().__init__()
        conv = ConvFactory(settings.dsc, "generator")
        self.joins = settings.conditioning == "concat"
        inputs = settings.z_dim + (classes if self.joins else 0)
        inner = widths(2 * settings.g_channels, spec.resolution // 2)
        width = inner[SMALLEST]
        self.stem = nn.Sequential(
            nn.Linear(inputs, width * SMALLEST**2), nn.Unflatten(1, (width, SMALLEST, SMALLEST))
        )
        sizes = [*inner, spec.resolution][1:]
        self.convs = nn.ModuleList(
            conv.transposed(cin, cout, 5, resolution=size, stride=2)
            for size, (cin, cout) in zip(
                sizes, pairwise([*inner.values(), spec.channels]), strict=True
            )
        )

        def norm(channels: int) -> nn.Module:
            if self.joins:
                return nn.BatchNorm2d(channels)
            return ConditionalBatchNorm(channels, lambda width: nn.Embedding(classes, width))

        self.norms = nn.ModuleList(norm(width) for width in list(inner.values())[1:])
        normal_(self, WEIGHT_STD)

    def forward(self, z: Tensor, labels: Tensor, one_hot: Tensor) -> Tensor:
        """``[N, z_dim]``, ``[N]`` and ``[N, classes]`` → ``[N, C, H, W]`` in [-1, 1]."""
        x = F.relu(self.stem(torch.cat([z, one_hot], dim=1) if self.joins else z))
        *inner, last = self.convs
        for layer, norm in zip(inner, self.norms, strict=True):
            x = layer(x)
            x = F.relu(norm(x) if self.joins else norm(x, labels))
        return torch.tanh(last(x))


class Discriminator(nn.Module):
    """3x3 convolutions, alternately of stride 2 and 1, with dropout; a logit and class logits."""

    def __init__(self, settings: AcganSettings, spec: ImageSpec, classes: int) -> None:
        super().__init__()
        conv = ConvFactory(settings.dsc, "discriminator")
        layers: list[nn.Module] = []
        cin, cout, resolution = spec.channels, settings.d_channels, spec.resolution
        while resolution > SMALLEST:
            for stride in (2, 1):
                layers.append(conv(cin, cout, 3, resolution=resolution, stride=stride, bias=False))
                if len(layers) > 1:
                    layers.append(nn.BatchNorm2d(cout))
                layers += [nn.LeakyReLU(0.2, inplace=True), nn.Dropout(settings.dropout)]
                cin, cout = cout, min(2 * cout, WIDEST)
                resolution //= stride
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.heads = nn.Linear(cin * SMALLEST**2, 1 + classes)
        normal_(self, WEIGHT_STD)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """``[N, C, H, W]`` → logits ``[N]`` of being real and class logits ``[N, classes]``."""
        heads = self.heads(self.layers(images))
        return heads[:, 0], heads[:, 1:]


class Acgan(LabelledVariant[AcganSettings]):
    """AC-GAN: both players minimise the cross-entropy of a class head.

    D minimises it on real and generated images, G on generated images.
    """

    def __init__(self, settings: AcganSettings, spec: ImageSpec) -> None:
        classes = classes_of(spec)
        generator = Generator(settings, spec, classes)
        super().__init__(settings, spec, generator, Discriminator(settings, spec, classes))

    def generate(self, z: Tensor, batch: Batch) -> Tensor:
        """Generate images from latents and labels."""
        images: Tensor = self.generator(z, labels_of(batch), self.one_hot(batch))
        return images

    def discriminator_output(self, images: Tensor, batch: Batch) -> DiscriminatorOutput:  # noqa: ARG002 - D does not get the labels
        """The logit of being real and the class logits ``[N, classes]``."""
        logits, classes = self.discriminator(images)
        return DiscriminatorOutput(logits, (classes,))

    def discriminate(self, images: Tensor, batch: Batch) -> Tensor:
        """Logits of real or generated images; they do not depend on the labels."""
        return self.discriminator_output(images, batch).logits

    def auxiliary(
        self,
        player: str,  # noqa: ARG002 - both players minimise it
        side: Literal["real", "fake"],
        output: DiscriminatorOutput,
        batch: Batch,
    ) -> Losses:
        """The weighted cross-entropy of the class logits (equation 3)."""
        (classes,) = output.heads
        loss = F.cross_entropy(classes, labels_of(batch))
        return {f"{side}_class": self.settings.class_weight * loss}
